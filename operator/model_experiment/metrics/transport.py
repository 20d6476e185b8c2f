"""One HTTP exchange with an end: a total deadline, a largest size, no retry, no redirect, no environment.

For: putting under a library that has none of this. Not for: knowing what is asked. The trap: the timeout of
``requests`` counts silence, not time, so a body that drips can hold a thread for hours; here every piece that
arrives is checked against the deadline. Headers that drip cannot be cut from here; whoever waits must have
its own deadline.
"""

import io
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry, Timeout

_PIECE = 65_536
_SERIES_MARK = b'"metric":'  # once per series; inside a label value its quotes would be escaped


class AnswerTooLargeError(requests.RequestException):
    """An answer with more bytes or series than anybody can mean."""


class DeadlineError(requests.Timeout):
    """An answer that was not complete when its time was over."""


class BoundedAdapter(HTTPAdapter):
    """Takes the ``timeout`` of a request as the time for all of it, and reads the body within it.

    A subclass because that is the only seam that ``requests`` offers below its retries.

    The body of a successful answer is wrapped as ``{"data": {"result": <body>}}``: prometheus-api-client
    hands out nothing but ``data.result`` and would drop the ``warnings`` beside it, by which an answer says
    that it is partial.
    """

    def __init__(self, *, connections: int, largest_bytes: int, largest_series: int) -> None:
        self._largest_bytes = largest_bytes
        self._largest_series = largest_series
        super().__init__(
            pool_connections=1,
            pool_maxsize=connections,
            max_retries=Retry(total=0, respect_retry_after_header=False),
            pool_block=True,
        )

    def send(  # type: ignore[override]  # noqa: PLR0917 - the base's signature; the library passes seconds
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002 - the base's signature
        timeout: float | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - the base's signature
        cert: str | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The complete answer.

        Raises:
            DeadlineError: if the answer is not complete ``timeout`` seconds from now.
            AnswerTooLargeError: if it has too many bytes or series.
        """
        if timeout is None or timeout <= 0:
            raise DeadlineError(f"a request must have more than 0 s left, found {timeout}", request=request)
        deadline = time.monotonic() + timeout
        response = super().send(
            request,
            stream=True,
            timeout=Timeout(total=timeout),  # type: ignore[arg-type]  # taken as well, says the base's code
            verify=verify,
            cert=cert,
            proxies=proxies,
        )
        body = self._body(response, deadline)
        succeeded = response.status_code == requests.codes.ok
        response.raw = io.BytesIO(b'{"data":{"result":' + body + b"}}" if succeeded else body)
        response.encoding = "utf-8"  # else a body without a content type would be guessed, slowly
        return response

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        try:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                body += piece
                self._check(response, body, late=time.monotonic() > deadline)
            self._check_series(response, body)
        except BaseException:
            response.close()  # a connection with an unread rest must not go back to the pool
            raise
        return bytes(body)

    def _check(self, response: requests.Response, body: bytearray, *, late: bool) -> None:
        if len(body) > self._largest_bytes:
            raise AnswerTooLargeError(
                f"an answer must have at most {self._largest_bytes} bytes, found more", response=response
            )
        if late:
            raise DeadlineError(f"the answer was not complete in time, {len(body)} bytes came", response=response)

    def _check_series(self, response: requests.Response, body: bytearray) -> None:
        # Counted before decoding: a million decoded series hold the interpreter for seconds.
        series = body.count(_SERIES_MARK)
        if series > self._largest_series:
            raise AnswerTooLargeError(
                f"an answer must have at most {self._largest_series} series, found {series}",
                response=response,
            )


def bounded_session() -> requests.Session:
    """A session that follows nothing and nobody: no redirects, proxies, netrc or cookies."""
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # so that threads share no state
    return session

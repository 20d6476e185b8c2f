"""How large the head of a request or an answer may be, and what is said of a request that cannot be read.

A head is the first line and the headers. Envoy lets 60 KiB of one through, so a mirrored request of that size must be
taken. The trap is the log: aiohttp tells of a request that it refuses with the first bytes of what it did not like,
which may be somebody's session.
"""

import logging
from collections.abc import Callable, MutableMapping
from typing import Any

from aiohttp.http import HttpProcessingError

LONGEST_LINE_BYTES = 65_536
MOST_HEADERS = 1_000

_REFUSED = f"a request from %s must be HTTP/1.1 with at most {MOST_HEADERS} headers of {LONGEST_LINE_BYTES} bytes each"


class RefusalLog(logging.LoggerAdapter[logging.Logger]):
    """What a server of aiohttp takes as its log, the one place where it says that it refused a request.

    It counts them with ``refused``, but for what is no HTTP at all, which aiohttp tells at DEBUG alone.
    """

    def __init__(self, refused: Callable[[], None]) -> None:
        super().__init__(logging.getLogger(__name__))
        self._refused = refused

    def process(self, msg: str, kwargs: MutableMapping[str, Any]) -> tuple[str, MutableMapping[str, Any]]:
        """The line to write."""
        error = kwargs.get("exc_info")
        if not isinstance(error, HttpProcessingError):
            return msg, kwargs
        self._refused()
        return f"{_REFUSED}, found {type(error).__name__}", {}

"""Every way in which asking Prometheus can fail, in words.

For: turning what the client library and the libraries below it raise into one sentence. Not for: our own
mistakes, which should be loud. The trap: the client library has an exception of its own, but most of what it
lets through belongs to ``requests``, to ``urllib3`` while a body is read, or to the JSON decoder.
"""

import http.client

import requests
import urllib3.exceptions
from prometheus_api_client.exceptions import MetricValueConversionError, PrometheusApiClientException

from model_experiment.metrics.decoding import MalformedAnswerError, plain
from model_experiment.metrics.transport import AnswerTooLargeError, DeadlineError

# In order: the first that fits names the failure.
SENTENCES: dict[type[Exception], str] = {
    DeadlineError: "Prometheus gave no complete answer in time",
    AnswerTooLargeError: "Prometheus' answer is too large",
    MalformedAnswerError: "Prometheus' answer was not understood",
    PrometheusApiClientException: "Prometheus refused the query",
    MetricValueConversionError: "Prometheus' answer was not understood",
    requests.TooManyRedirects: "Prometheus redirected the query, which is not followed",
    requests.Timeout: "Prometheus did not answer in time",
    requests.exceptions.SSLError: "Prometheus' certificate was not accepted",
    requests.ConnectionError: "Prometheus could not be reached",
    requests.exceptions.InvalidJSONError: "Prometheus' answer is not JSON",
    requests.RequestException: "Prometheus could not be asked",
    urllib3.exceptions.TimeoutError: "Prometheus fell silent in the middle of an answer",
    urllib3.exceptions.HTTPError: "Prometheus' answer broke off",
    http.client.HTTPException: "Prometheus' answer broke off",
    RecursionError: "Prometheus' answer is nested too deeply",
    ValueError: "Prometheus' answer was not understood",
    OSError: "Prometheus could not be reached",
}
FAILURES = tuple(SENTENCES)


def sentence(error: Exception) -> str:
    """What went wrong, and the error's own words on one line."""
    what = next(text for kind, text in SENTENCES.items() if isinstance(error, kind))
    return f"{what}: {plain(str(_cause(error)))}"


def _cause(error: Exception) -> Exception:
    """The reason alone, where it is wrapped into words about retries, which are never made."""
    match error.args:
        case (urllib3.exceptions.MaxRetryError(reason=Exception() as reason), *_):
            return reason
        case _:
            return error

"""Every exception of the libraries below has a sentence; a new one in a later release fails here."""

import inspect

import prometheus_api_client.exceptions
import pytest
import requests.exceptions
import urllib3.exceptions

from model_experiment.metrics.decoding import MalformedAnswerError
from model_experiment.metrics.failures import FAILURES, SENTENCES, sentence

MODULES = (requests.exceptions, urllib3.exceptions, prometheus_api_client.exceptions)
RAISED = [
    kind
    for module in MODULES
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, Exception) and not issubclass(kind, Warning)
]


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_exception_of_the_libraries_is_a_failure_with_a_sentence(kind):
    assert issubclass(kind, FAILURES)


def test_no_sentence_hides_behind_a_more_general_one():
    kinds = list(SENTENCES)
    for index, kind in enumerate(kinds):
        assert not any(issubclass(kind, earlier) for earlier in kinds[:index])


def test_a_sentence_is_one_plain_line():
    error = MalformedAnswerError("two\nlines\x1b[0m" + "x" * 1000)
    text = sentence(error)
    assert text.startswith("Prometheus' answer was not understood: twolines[0mxxx")
    assert len(text) < 300

from argparse import ArgumentParser

import pytest

from model_experiment.comparator.settings import ComparatorSettings
from model_experiment.errors import SettingsError
from model_experiment.process import flags as process_flags


def read(*arguments, **environment):
    return process_flags.read(ComparatorSettings, ArgumentParser(), arguments, environment)


def test_everything_has_a_default_on_loopback():
    assert read() == ComparatorSettings()
    assert (read().mirror_address, read().http_address) == ("127.0.0.1:9203", "127.0.0.1:9204")


def test_a_flag_stands_above_the_environment_and_numbers_are_numbers():
    settings = read("--pairs-per-second", "50", MEXP_PAIRS_PER_SECOND="5", MEXP_ANSWER_BYTES="1000")
    assert (settings.pairs_per_second, settings.answer_bytes) == (50, 1000)


FAULTS = [
    pytest.param(
        ["--mirror-address", "9203"],
        "mirror-address must be host:port with a port of at most 65535, found '9203'",
        id="an address without host",
    ),
    pytest.param(["--pairs-per-second", "many"], "pairs-per-second must be a whole number, found 'many'", id="a word"),
    pytest.param(["--pairs-under-way", "0"], "pairs-under-way must be 1 or more, found 0", id="no pairs"),
    pytest.param(
        ["--body-bytes", "10"], "answer-bytes must be at most body-bytes, found 1048576 and 10", id="no room for a body"
    ),
    pytest.param(
        ["--cluster-domain", "http://x"],
        "cluster-domain must be a DNS name such as svc.cluster.local, found 'http://x'",
        id="a domain that is a URL",
    ),
    pytest.param(
        ["--http-address", "x", "--log-level", "loud"],
        "http-address must be host:port with a port of at most 65535, found 'x';"
        " log-level must be one of DEBUG, INFO, WARNING, ERROR, found 'loud'",
        id="two faults are told together",
    ),
]


@pytest.mark.parametrize(("arguments", "text"), FAULTS)
def test_wrong_settings_are_named(arguments, text):
    with pytest.raises(SettingsError) as refused:
        read(*arguments)
    assert str(refused.value) == text

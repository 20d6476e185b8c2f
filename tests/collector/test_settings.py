from argparse import ArgumentParser

import pytest

from model_experiment.collector.settings import CollectorSettings
from model_experiment.errors import SettingsError
from model_experiment.process import flags as process_flags
from model_experiment.process.flags import host_and_port


def read(*arguments, **environment):
    return process_flags.read(CollectorSettings, ArgumentParser(), arguments, environment)


def test_everything_has_a_default_on_loopback():
    assert read() == CollectorSettings("127.0.0.1:9201", "127.0.0.1:9202", "sqlite:///mexp-collector.db")


def test_a_flag_stands_above_the_environment():
    settings = read("--als-address", "[::]:1", MEXP_ALS_ADDRESS="0.0.0.0:2", MEXP_DATABASE="sqlite:////data/a.db")
    assert (settings.als_address, settings.database) == ("[::]:1", "sqlite:////data/a.db")


def test_an_empty_variable_is_none():
    assert read(MEXP_KUBECONFIG="", MEXP_HTTP_ADDRESS="").http_address == "127.0.0.1:9202"


FAULTS = [
    pytest.param(
        {"als_address": "9201"},
        "als-address must be host:port with a port of at most 65535, found '9201'",
        id="an address without host",
    ),
    pytest.param(
        {"http_address": "localhost:70000"},
        "http-address must be host:port with a port of at most 65535, found 'localhost:70000'",
        id="a port that is none",
    ),
    pytest.param(
        {"http_address": "localhost:"},
        "http-address must be host:port with a port of at most 65535, found 'localhost:'",
        id="no port",
    ),
    pytest.param(
        {"log_level": "loud"}, "log-level must be one of DEBUG, INFO, WARNING, ERROR, found 'loud'", id="a level"
    ),
    pytest.param(
        {"als_address": "x", "log_level": "loud"},
        "als-address must be host:port with a port of at most 65535, found 'x';"
        " log-level must be one of DEBUG, INFO, WARNING, ERROR, found 'loud'",
        id="two faults are told together",
    ),
]


@pytest.mark.parametrize(("given", "text"), FAULTS)
def test_wrong_settings_are_named(given, text):
    with pytest.raises(SettingsError) as refused:
        CollectorSettings(**given)
    assert str(refused.value) == text


def test_an_ipv6_host_stands_in_brackets():
    assert host_and_port("[::1]:80") == ("::1", 80)

"""The controller's settings: flags, then the environment, then defaults; whatever is wrong is named."""

from argparse import ArgumentParser

import pytest

from model_experiment.controller.settings import ControllerSettings
from model_experiment.errors import SettingsError
from model_experiment.process import flags as process_flags

URL = "http://prometheus.example"


def read(*flags, **environment):
    named = {f"MEXP_{name}": value for name, value in environment.items()}
    return process_flags.read(ControllerSettings, ArgumentParser(), flags, named)


def test_everything_but_the_source_of_metrics_has_a_default():
    assert read("--prometheus-url", URL) == ControllerSettings(URL)


def test_flags_become_numbers_and_texts():
    settings = read("--prometheus-url", URL, "--poll-seconds", "2.5", "--slots", "8", "--namespace", "shop")
    assert settings == ControllerSettings(URL, poll_seconds=2.5, slots=8, namespace="shop")


def test_the_environment_speaks_where_no_flag_does():
    settings = read("--poll-seconds=1", PROMETHEUS_URL=URL, POLL_SECONDS="9", SLOTS="8", LOG_LEVEL="DEBUG")
    assert settings == ControllerSettings(URL, poll_seconds=1, slots=8, log_level="DEBUG")


FAULTS = [
    pytest.param([], "prometheus-url must be given, by --prometheus-url or MEXP_PROMETHEUS_URL", id="no source"),
    pytest.param(
        ["--prometheus-url", "prometheus:9090"],
        "prometheus-url must be an http or https URL, found 'prometheus:9090'",
        id="an address that is no URL",
    ),
    pytest.param(
        ["--prometheus-url", "file:///etc/passwd"],
        "prometheus-url must be an http or https URL, found 'file:///etc/passwd'",
        id="a URL of another kind",
    ),
    pytest.param(
        ["--prometheus-url", URL, "--poll-seconds", "5s"],
        "poll-seconds must be a number, found '5s'",
        id="a unit behind a number",
    ),
    pytest.param(
        ["--prometheus-url", URL, "--comparator", "comparator:9203"],
        "comparator must be namespace/service:port, found 'comparator:9203'",
        id="a comparator without its namespace",
    ),
    pytest.param(
        ["--prometheus-url", URL, "--cluster-domain", ".local"],
        "cluster-domain must be a DNS name such as svc.cluster.local, found '.local'",
        id="no domain",
    ),
    pytest.param(
        ["--prometheus-url", URL, "--slots", "many"],
        "slots must be a whole number, found 'many'",
        id="a word for a number",
    ),
    pytest.param(
        ["--prometheus-url", URL, "--slots", "0"], "slots must be 1 or more, found 0", id="no slot for anybody"
    ),
    *[
        pytest.param(
            ["--prometheus-url", URL, f"--{name}", "0"],
            f"{name} must be greater than 0 and finite, found 0",
            id=f"no {name}",
        )
        for name in (
            "poll-seconds",
            "query-timeout-seconds",
            "api-timeout-seconds",
            "stale-after-seconds",
            "blindness-budget-seconds",
            "checkpoint-seconds",
            "status-refresh-seconds",
        )
    ],
    pytest.param(
        ["--prometheus-url", "prometheus", "--poll-seconds", "-1", "--slots", "-2"],
        "prometheus-url must be an http or https URL, found 'prometheus';"
        " poll-seconds must be greater than 0 and finite, found -1; slots must be 1 or more, found -2",
        id="all faults are told together",
    ),
]


@pytest.mark.parametrize(("flags", "text"), FAULTS)
def test_a_wrong_setting_is_named(flags, text):
    with pytest.raises(SettingsError) as refused:
        read(*flags)
    assert str(refused.value) == text


UNSEEN = [
    pytest.param(["--poll-seconds", "nan"], id="a time that is no number"),
    pytest.param(["--poll-seconds", "inf"], id="a time that never comes"),
    pytest.param(["--log-level", "loud"], id="a level that is none"),
    pytest.param(["--health-address", "8090"], id="an address without host"),
    pytest.param(["--health-address", "0.0.0.0:http"], id="an address without port"),
]


@pytest.mark.parametrize("flags", UNSEEN)
def test_a_setting_that_cannot_work_is_refused(flags):
    with pytest.raises(SettingsError):
        read("--prometheus-url", URL, *flags)


@pytest.mark.parametrize("name", ["NAMESPACE", "KUBECONFIG", "SLOTS", "LOG_LEVEL"])
def test_an_empty_variable_is_none(name):
    assert read("--prometheus-url", URL, **{name: ""}) == ControllerSettings(URL)

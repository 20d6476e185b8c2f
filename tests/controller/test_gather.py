"""Why an answer of the metric source cannot be relied on."""

from dataclasses import replace

import pytest

from metrics.builders import reading, snapshot
from model_experiment.controller.gather import blindness
from model_experiment.decision.observation import Blind
from model_experiment.metrics.ledger import Ledger
from model_experiment.metrics.source import NoData, NotANumber, SourceDown, Stale, Value

SNAPSHOT = snapshot(reading(3.0))
SOUND = Ledger().with_snapshot(SNAPSHOT)
FALLEN = replace(SOUND, faults={1.0: "requests fell", 2.0: "exposures fell"})
CASES = [
    pytest.param(Value(SNAPSHOT), SOUND, None, id="complete and fresh"),
    pytest.param(
        Value(SNAPSHOT), FALLEN, Blind("CountsInconsistent", "requests fell; exposures fell"), id="counters that fell"
    ),
    pytest.param(
        Value(SNAPSHOT, ("collector b is stale",)),
        SOUND,
        Blind("MetricsIncomplete", "1 collector read; collector b is stale"),
        id="one collector of several is stale",
    ),
    pytest.param(NoData("no series"), SOUND, Blind("MetricsMissing", "no series"), id="no data"),
    pytest.param(
        NotANumber("NaN in requests"), SOUND, Blind("MetricsNotANumber", "NaN in requests"), id="not a number"
    ),
    pytest.param(Stale(99.0, "99 s old"), SOUND, Blind("MetricsStale", "99 s old"), id="old numbers"),
    pytest.param(SourceDown("refused"), FALLEN, Blind("MetricsUnavailable", "refused"), id="the source is down"),
]


@pytest.mark.parametrize(("answer", "ledger", "blind"), CASES)
def test_an_answer_is_blindness_or_not(answer, ledger, blind):
    assert blindness(answer, ledger) == blind

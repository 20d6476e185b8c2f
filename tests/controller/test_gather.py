"""Why an answer of the metric source cannot be relied on."""

from dataclasses import dataclass, field, replace

import pytest

from controller.worlds import world_of
from given.deciding import experiment, shadow_experiment
from metrics.builders import reading, snapshot
from model_experiment.api.status import Phase
from model_experiment.controller.gather import blindness, gather
from model_experiment.controller.memory import Memory
from model_experiment.decision.observation import Blind
from model_experiment.decision.plan import measures_of
from model_experiment.decision.route import RouteReading
from model_experiment.decision.state import State
from model_experiment.metrics.families import COLLECTOR, COMPARATOR
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


@dataclass
class Asked:
    """A source without data that notes what it is asked."""

    questions: list = field(default_factory=list)

    async def read(self, question, *, at):
        self.questions.append((question, at))
        return NoData("at least 1 comparator must be scraped by Prometheus, found none")


class NoRoutes:
    def read(self, _experiment):
        return RouteReading(own=None)


@pytest.mark.parametrize(
    ("subject", "exporter"),
    [
        pytest.param(experiment(), COLLECTOR, id="users that are split are counted by collectors"),
        pytest.param(shadow_experiment(), COMPARATOR, id="answers are compared by comparators"),
    ],
)
async def test_those_who_count_are_asked_for_what_they_count(subject, exporter):
    source = Asked()
    world = world_of(source=source, router=NoRoutes())
    observation, _ = await gather(world, subject, Memory(uid=subject.uid, state=State(phase=Phase.RUNNING)))
    ((question, _),) = source.questions
    assert (question.exporter, question.measures) == (exporter, measures_of(subject.spec))
    assert set(exporter.metrics) >= {measure.family for measure in question.measures}
    assert observation.blind.reason == "MetricsMissing"

"""Where answers differ is asked for what is about to be written, and never stands in the way of it."""

from dataclasses import dataclass, field

import pytest

from controller.worlds import world_of
from given.deciding import START, shadow_experiment
from model_experiment.api.status import DifferingField, ModelExperimentStatus, ShadowFinding, ShadowStatus
from model_experiment.controller.explaining import explained
from model_experiment.controller.memory import Memory
from model_experiment.decision.state import State
from model_experiment.metrics.source import SourceDown

KEY = ("shop", "ranker")
PRICE = DifferingField(field="answer/price", pairs=7)


@dataclass
class Told:
    """A source that answers the same to every question, and notes who asked."""

    answer: object
    asked: list = field(default_factory=list)

    async def differing_fields(self, uid, *, at):
        self.asked.append((uid, at))
        return self.answer


def status(different, finding=ShadowFinding.UNDECIDED, fields=()):
    found = ShadowStatus(
        challenger="v8", finding=finding, pairs=9, compared=9, different=different, not_comparable=0, fields=fields
    )
    return ModelExperimentStatus(shadow=(found,))


async def fields_after(written, wanted, told):
    world = world_of(fields=told)
    memory = Memory(uid="u", state=State(), status=written.to_json() if written else None, status_written=START)
    world.memories[KEY] = memory
    answered = await explained(world, KEY, shadow_experiment(), wanted)
    return answered.shadow[0].fields


async def test_news_are_written_with_the_fields_that_differ_most():
    told = Told({"v8": (PRICE,), "v9": ()})
    assert await fields_after(None, status(7), told) == (PRICE,)
    assert told.asked == [("5f0c7ba2-uid", START)]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        pytest.param(status(1), status(7), id="only numbers grew, and it is too early to write them"),
        pytest.param(None, status(0), id="nothing differs"),
        pytest.param(None, ModelExperimentStatus(shadow=()), id="another strategy"),
    ],
)
async def test_nobody_is_asked_where(written, wanted):
    world, told = world_of(), Told({})
    world.fields = told
    world.memories[KEY] = Memory(uid="u", state=State(), status=written and written.to_json(), status_written=START)
    assert await explained(world, KEY, shadow_experiment(), wanted) == wanted
    assert told.asked == []


async def test_a_source_that_is_down_leaves_what_was_known():
    known = status(7, ShadowFinding.DIFFERENT, fields=(PRICE,))
    assert await fields_after(status(1), known, Told(SourceDown("no answer"))) == (PRICE,)

"""The steps from the route that is to the route that should be."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_experiment.assignment import Assignment, Share
from model_experiment.decision.route import Absent, Obstacle, Open, Parked, Seen, is_reached, next_step

MODULUS = 101


def weights(challenger):
    return Assignment(MODULUS, (Share("v8", challenger), Share("v7", MODULUS - challenger)))


SHARES = st.integers(0, MODULUS)
GOALS = st.one_of(st.just(Absent()), SHARES.map(weights).map(Parked), SHARES.map(weights).map(Open))


def walk(own, goal):
    """The routes that the gateway serves on the way to a goal, when it settles after each step."""
    served = [own.route if own else Absent()]
    for _ in range(10):
        step = next_step(own, goal)
        own = None if isinstance(step, Absent) else Seen(step, settled=True)
        served.append(step)
        if is_reached(own, goal):
            return served
    raise AssertionError(f"{goal} was not reached: {served}")


@given(st.one_of(st.none(), SHARES.map(weights).map(Parked), SHARES.map(weights).map(Open)), GOALS)
def test_every_goal_is_reached_and_no_share_crosses_zero_while_open(start, goal):
    served = walk(Seen(start, settled=True) if start else None, goal)
    for before, after in pairwise(served):
        if isinstance(before, Open) and isinstance(after, Open):
            for variant in ("v7", "v8"):
                shares = sorted([before.assignment.weight(variant), after.assignment.weight(variant)])
                assert shares[0] > 0 or shares[1] <= 1


@st.composite
def of_several(draw):
    """Weights of two challengers with the champion between and after them; any of the four may be 0."""
    cuts = sorted(draw(st.lists(st.integers(0, MODULUS), min_size=3, max_size=3)))
    parts = [after - before for before, after in pairwise([0, *cuts, MODULUS])]
    return Assignment(MODULUS, tuple(map(Share, ("v8", "v7", "v9", "v7"), parts)))


@given(of_several(), of_several())
def test_with_several_challengers_no_place_crosses_zero_while_open(start, goal):
    for before, after in pairwise(walk(Seen(Open(start), settled=True), Open(goal))):
        assert isinstance(before, Open)
        assert isinstance(after, Open)
        for old, new in zip(before.assignment.shares, after.assignment.shares, strict=True):
            shares = sorted([old.weight, new.weight])
            assert shares[0] > 0 or shares[1] <= 1


@given(st.one_of(st.none(), SHARES.map(weights).map(Parked), SHARES.map(weights).map(Open)), GOALS)
def test_an_open_route_is_only_entered_from_a_parked_one_and_left_through_one(start, goal):
    served = walk(Seen(start, settled=True) if start else None, goal)
    for before, after in pairwise(served):
        assert not (isinstance(before, Absent) and isinstance(after, Open))
        assert not (isinstance(before, Open) and isinstance(after, Absent))


@pytest.mark.parametrize(
    ("own", "goal", "step"),
    [
        pytest.param(
            Seen(Parked(weights(50)), settled=False),
            Open(weights(50)),
            Parked(weights(50)),
            id="a parked route stays parked until the gateway has settled",
        ),
        pytest.param(
            Seen(Parked(weights(50)), settled=True, problem=Obstacle("BackendNotResolved", "no ranker-v8")),
            Open(weights(50)),
            Parked(weights(50)),
            id="a parked route stays parked while a backend is missing",
        ),
        pytest.param(
            Seen(Open(weights(50)), settled=False),
            Absent(),
            Parked(weights(50)),
            id="a take-back waits for nothing",
        ),
        pytest.param(
            Seen(Parked(weights(50)), settled=False),
            Absent(),
            Parked(weights(50)),
            id="a parked route is removed only after the gateway has settled",
        ),
        pytest.param(
            Seen(Parked(weights(50)), settled=True, problem=Obstacle("BackendNotResolved", "no ranker-v8")),
            Absent(),
            Absent(),
            id="a missing backend does not keep a parked route alive",
        ),
        pytest.param(
            Seen(Parked(weights(50)), settled=True, problem=Obstacle("RouteRefused", "edge keeps the old routes")),
            Absent(),
            Parked(weights(50)),
            id="a route that a proxy refuses stays parked: users meet the old split until the proxy takes it",
        ),
        pytest.param(
            Seen(Open(weights(50)), settled=True),
            Open(weights(MODULUS)),
            Open(weights(MODULUS - 1)),
            id="a promotion stands at a weight of 1 for the champion first",
        ),
        pytest.param(
            Seen(Open(weights(MODULUS - 1)), settled=False),
            Open(weights(MODULUS)),
            Open(weights(MODULUS - 1)),
            id="and goes on only when that has settled",
        ),
    ],
)
def test_steps(own, goal, step):
    assert next_step(own, goal) == step

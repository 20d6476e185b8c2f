"""A route opens only when every connection knows its policies."""

import pytest

from model_experiment.routing.draining import Drain

COPY = {"metadata": {"uid": "copy", "generation": 1}}
ROUTE = {"metadata": {"uid": "route"}}


def changed(manifest, **metadata):
    return {"metadata": {**manifest["metadata"], **metadata}}


@pytest.mark.parametrize(
    ("copy", "own"),
    [
        pytest.param(changed(COPY, generation=2), ROUTE, id="another version of the copy"),
        pytest.param(changed(COPY, uid="again"), ROUTE, id="another copy"),
        pytest.param(COPY, changed(ROUTE, uid="again"), id="another route"),
    ],
)
def test_the_time_runs_from_the_first_look_at_a_version(copy, own):
    times = iter([0.0, 59.9, 60.0, 61.0, 120.0, 121.0])
    drain = Drain(60, lambda: next(times))
    assert [drain.is_over(COPY, ROUTE) for _ in range(3)] == [False, False, True]
    assert [drain.is_over(copy, own) for _ in range(3)] == [False, False, True]


def test_a_copy_that_was_deleted_is_forgotten():
    times = iter([0.0, 60.0, 61.0])
    drain = Drain(60, lambda: next(times))
    assert [drain.is_over(COPY, ROUTE) for _ in range(2)] == [False, True]
    drain.forget(COPY)
    assert not drain.is_over(COPY, ROUTE)

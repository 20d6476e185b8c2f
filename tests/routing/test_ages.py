"""How long an object has been as it is."""

from model_experiment.routing.ages import Ages


def test_the_time_runs_from_the_first_look_at_a_version():
    times = iter([0.0, 59.9, 60.0, 61.0, 120.0])
    ages = Ages(lambda: next(times))
    assert [ages.of("copy", ("route", 1)) for _ in range(3)] == [0.0, 59.9, 60.0]
    assert [ages.of("copy", ("route", 2)) for _ in range(2)] == [0.0, 59.0]


def test_each_object_has_a_time_of_its_own():
    times = iter([0.0, 5.0, 7.0, 8.0])
    ages = Ages(lambda: next(times))
    assert [ages.of("copy", 1), ages.of("route", 1)] == [0.0, 0.0]
    assert [ages.of("copy", 1), ages.of("route", 1)] == [7.0, 3.0]


def test_an_object_that_is_gone_is_forgotten():
    times = iter([0.0, 60.0, 61.0])
    ages = Ages(lambda: next(times))
    assert [ages.of("copy", 1) for _ in range(2)] == [0.0, 60.0]
    ages.forget("copy")
    assert ages.of("copy", 1) == 0.0

"""Equal looks with bounds of Pocock's and of O'Brien and Fleming's shape, against the published constants."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.planning import inflation
from model_experiment.statistics.sequential import classical_designs, group_sequential
from model_experiment.statistics.tails import Sides

designs = st.sampled_from([classical_designs.pocock, classical_designs.obrien_fleming])


@pytest.mark.parametrize(
    ("count", "pocock", "obrien_fleming"),
    [(2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (5, 2.413, 2.040), (10, 2.555, 2.087)],
)
def test_the_constants_are_those_of_jennison_and_turnbull(count, pocock, obrien_fleming):
    """Tables 2.1 and 2.3 of their book, two-sided 5 %."""
    assert classical_designs.pocock(count, alpha=0.05)[-1].bound == pytest.approx(pocock, abs=6e-4)
    assert classical_designs.obrien_fleming(count, alpha=0.05)[-1].bound == pytest.approx(obrien_fleming, abs=6e-4)


@pytest.mark.parametrize(
    ("design", "count", "power", "factor"),
    [
        (classical_designs.pocock, 4, 0.8, 1.202),
        (classical_designs.pocock, 15, 0.9, 1.305),
        (classical_designs.obrien_fleming, 5, 0.8, 1.028),
        (classical_designs.obrien_fleming, 20, 0.9, 1.045),
    ],
)
def test_they_cost_the_published_factor_in_users(design, count, power, factor):
    assert inflation.sequential(design(count, alpha=0.05), alpha=0.05, power=power) == pytest.approx(factor, abs=6e-4)


@settings(max_examples=30)
@given(designs, st.integers(1, 12), st.floats(1e-6, 0.49), st.sampled_from(Sides))
def test_they_stop_by_mistake_with_probability_alpha_and_say_what_each_look_spends(design, count, alpha, sides):
    looks = design(count, alpha=alpha, sides=sides)
    crossings = group_sequential.upper_crossings(looks, sides=sides)
    assert sides * sum(crossings) == pytest.approx(alpha, rel=1e-9)
    assert [look.spent for look in looks] == pytest.approx([sides * sum(crossings[: k + 1]) for k in range(count)])
    assert looks[-1].bound >= stats.norm.isf(alpha / sides) - 1e-9


@settings(max_examples=20)
@given(designs, st.integers(1, 8), st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_less_alpha_makes_every_bound_higher(design, count, one, other):
    strict, loose = (design(count, alpha=alpha) for alpha in sorted((one, other)))
    assert all(high.bound >= low.bound - 1e-9 for high, low in zip(strict, loose, strict=True))


def test_pocock_has_one_bound_and_obrien_fleming_one_bound_for_the_score():
    assert len({look.bound for look in classical_designs.pocock(7, alpha=0.05)}) == 1
    scores = [look.bound * look.information**0.5 for look in classical_designs.obrien_fleming(7, alpha=0.05)]
    assert scores == pytest.approx([scores[0]] * 7, rel=1e-12)


@pytest.mark.parametrize("sides", Sides)
def test_one_look_is_the_ordinary_test(sides):
    for design in (classical_designs.pocock, classical_designs.obrien_fleming):
        (only,) = design(1, alpha=0.05, sides=sides)
        assert only.bound == pytest.approx(stats.norm.isf(0.05 / sides), abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: classical_designs.pocock(0, alpha=0.05),
            "count must be whole and 1 or more, found 0",
            id="a plan without looks",
        ),
        pytest.param(
            lambda: classical_designs.obrien_fleming(3, alpha=1.5),
            "alpha must lie strictly between 0 and 1, found 1.5",
            id="alpha above 1",
        ),
        pytest.param(
            lambda: classical_designs.pocock(3, alpha=0.5, sides=Sides.ONE),
            "alpha must lie strictly between 0 and 1/2 where one side stops, found 0.5",
            id="a one-sided test that stops every second time",
        ),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()

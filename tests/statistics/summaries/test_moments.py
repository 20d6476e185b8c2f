"""Moments: as exact as the values allow, and the same whether users come together or in parts."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from model_experiment.statistics.summaries.moments import JointMoments, Moments

VALUES = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
samples = arrays.arrays(np.float64, st.integers(0, 30), elements=VALUES)
pairs = arrays.arrays(np.float64, st.tuples(st.just(2), st.integers(0, 30)), elements=VALUES)


def numbers(moments):
    match moments:
        case Moments():
            return [moments.n, moments.means, moments.squares]
        case JointMoments():
            return [*numbers(moments.first), *numbers(moments.second), moments.products]


def assert_same(found, expected, *, size):
    """Equal but for rounding; ``size`` is that of the values."""
    tolerances = [0, 1e-12 * size, 1e-11 * size**2 * 60]
    tolerances = tolerances if isinstance(found, Moments) else [*tolerances, *tolerances, tolerances[-1]]
    for one, other, tolerance in zip(numbers(found), numbers(expected), tolerances, strict=True):
        assert one == pytest.approx(other, rel=0, abs=tolerance, nan_ok=True)


def size_of(*values):
    return max(1.0, *(float(np.abs(part).max(initial=0.0)) for part in values))


@pytest.mark.parametrize(
    ("middle", "tolerance"),
    [
        pytest.param(1.2, 1e-14, id="NIST StRD NumAcc2"),
        pytest.param(1_000_000.2, 1e-9, id="NIST StRD NumAcc3"),
        pytest.param(10_000_000.2, 1e-8, id="NIST StRD NumAcc4"),
    ],
)
@pytest.mark.parametrize(
    "moments_of",
    [
        pytest.param(Moments.of, id="of values"),
        pytest.param(
            lambda y: Moments.from_sums(y.size, total=(y - y[0]).sum(), squares=np.square(y - y[0]).sum(), shift=y[0]),
            id="of sums about the first value",
        ),
        pytest.param(
            lambda y: sum((Moments.of(part) for part in np.array_split(y, 13)), Moments.of([])),
            id="merged from thirteen parts",
        ),
        pytest.param(
            lambda y: sum((Moments.of([value]) for value in y), Moments.of([])),
            id="merged user by user",
        ),
    ],
)
def test_the_certified_mean_and_deviation_of_nist_are_reproduced(moments_of, middle, tolerance):
    around = np.append(middle, np.resize([middle - 0.1, middle + 0.1], 1000))
    found = moments_of(around)
    assert float(found.means) == pytest.approx(middle, rel=1e-15)
    assert math.sqrt(found.variances) == pytest.approx(0.1, rel=0, abs=tolerance)


def test_sums_that_have_lost_their_digits_have_no_spread_instead_of_a_wrong_one():
    around = np.append(1e7 + 0.2, np.resize([1e7 + 0.1, 1e7 + 0.3], 1000))
    found = Moments.from_sums(1001, total=around.sum(), squares=np.square(around).sum())
    assert found.squares == 0


@settings(max_examples=50)
@given(samples, samples, samples)
def test_merging_equals_concatenation_in_any_order(one, other, third):
    together, size = Moments.of(np.concatenate([one, other, third])), size_of(one, other, third)
    a, b, c = (Moments.of(part) for part in (one, other, third))
    for merged in ((a + b) + c, a + (b + c), (c + a) + b):
        assert_same(merged, together, size=size)


@settings(max_examples=50)
@given(pairs, pairs, pairs)
def test_merging_pairs_equals_concatenation_in_any_order(one, other, third):
    together = JointMoments.of(*np.concatenate([one, other, third], axis=1))
    a, b, c = (JointMoments.of(*part) for part in (one, other, third))
    for merged in ((a + b) + c, a + (b + c), (c + a) + b):
        assert_same(merged, together, size=size_of(one, other, third))


@settings(max_examples=50)
@given(samples, VALUES)
def test_sums_about_any_shift_give_the_moments_of_the_values(values, shift):
    about = values - shift
    found = Moments.from_sums(values.size, total=about.sum(), squares=np.square(about).sum(), shift=shift)
    assert_same(found, Moments.of(values), size=2 * size_of(values, np.array(shift)))


@settings(max_examples=50)
@given(pairs)
@example(np.array([[0.0, 1.0], [-670_248.0, -726_406.938]]))
def test_sums_of_pairs_give_the_moments_of_the_pairs(values):
    y, x = values
    sums = {"totals": (y.sum(), x.sum()), "squares": ((y * y).sum(), (x * x).sum()), "cross": (y * x).sum()}
    assert_same(JointMoments.from_sums(y.size, **sums), JointMoments.of(y, x), size=size_of(values))


def test_the_moments_are_those_of_their_definition():
    y, x = np.random.default_rng(1).gamma(2.0, size=(2, 500))
    found = JointMoments.of(y, x)
    assert found.first.variances == pytest.approx(np.var(y, ddof=1), rel=1e-12)
    assert found.second.means == pytest.approx(np.mean(x), rel=1e-12)
    assert found.products / 499 == pytest.approx(np.cov(y, x)[0, 1], rel=1e-12)


def test_a_combination_has_the_moments_of_the_combined_values():
    y, x = np.random.default_rng(2).gamma(2.0, size=(2, 500))
    assert_same(JointMoments.of(y, x).combined(2.0, -0.7), Moments.of(2.0 * y - 0.7 * x), size=1.0)


def test_a_ratio_has_the_moments_of_its_linearised_values():
    y, x = np.random.default_rng(3).gamma(2.0, size=(2, 500))
    ratio = y.sum() / x.sum()
    assert_same(JointMoments.of(y, x).ratios(), Moments.of(ratio + (y - ratio * x) / x.mean()), size=1.0)


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(Moments.of([0.1] * 10), id="ten times the same value"),
        pytest.param(Moments.of([0.1] * 3) + Moments.of([0.1] * 7), id="the same value in two parts"),
        pytest.param(
            Moments.from_sums(10, total=sum([0.1] * 10), squares=sum([0.1**2] * 10)), id="sums of the same value"
        ),
        pytest.param(JointMoments.of([0.1, 0.3, 0.7], [0.3, 0.9, 2.1]).combined(3.0, -1.0), id="a pair that cancels"),
        pytest.param(JointMoments.of([0.1, 0.3, 0.7], [0.3, 0.9, 2.1]).ratios(), id="a constant ratio"),
        pytest.param(Moments.from_sums(10, total=0, squares=0), id="nothing but zeros"),
    ],
)
def test_what_never_varies_has_a_spread_of_exactly_0(moments):
    assert moments.squares == 0
    assert moments.variances == 0


def test_rare_exceptions_among_a_billion_users_are_not_taken_for_rounding():
    found = Moments.from_sums(1e9, total=1e9 - 10, squares=1e9 - 10)
    assert found.squares == pytest.approx(10, rel=1e-6)


def test_nobody_has_no_mean_and_one_user_no_variance():
    nobody, lone = Moments.of([]), Moments.of([7.0])
    assert np.isnan(nobody.means)
    assert np.isnan(nobody.variances)
    assert lone.means == 7.0
    assert np.isnan(lone.variances)
    assert_same(nobody + lone, lone, size=7.0)
    assert_same(lone + nobody, lone, size=7.0)
    assert_same(nobody + nobody, nobody, size=1.0)


def test_a_ratio_to_denominators_that_sum_to_0_is_of_nobody():
    found = JointMoments.of([1.0, 2.0], [0.0, 0.0]).ratios()
    assert found.n == 0
    assert np.isnan(found.means)


def test_many_experiments_at_once_give_what_each_gives_alone():
    y, x = np.random.default_rng(4).gamma(2.0, size=(2, 3, 2, 40))
    together = JointMoments.of(y, x) + JointMoments.of(x, y)
    sums = Moments.from_sums(40, total=y.sum(axis=-1), squares=np.square(y).sum(axis=-1))
    weights = np.arange(6.0).reshape(3, 2)
    many = [together, together.ratios(), together.combined(weights, 1.0), sums]
    for index in np.ndindex(3, 2):
        alone = JointMoments.of(y[index], x[index]) + JointMoments.of(x[index], y[index])
        sums_alone = Moments.from_sums(40, total=y[index].sum(), squares=np.square(y[index]).sum())
        lone = [alone, alone.ratios(), alone.combined(weights[index], 1.0), sums_alone]
        found = [number[index] for one in many for number in numbers(one)]
        assert found == pytest.approx([float(number) for one in lone for number in numbers(one)], rel=1e-12)


ONE, THREE = Moments.of([1.0]), Moments.of([1.0, 2.0, 6.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: Moments(n=-1, means=0, squares=0), "n must be finite and 0 or more, found -1", id="minus one user"
        ),
        pytest.param(lambda: Moments(n=1.5, means=0, squares=0), "n must be whole, found 1.5", id="half a user"),
        pytest.param(
            lambda: Moments(n=2, means=math.nan, squares=0), "means must be finite, found nan", id="a mean of NaN"
        ),
        pytest.param(
            lambda: Moments(n=2, means=0, squares=-1),
            "squares must be finite and 0 or more, found -1",
            id="a negative spread",
        ),
        pytest.param(
            lambda: Moments(n=[2, 1], means=0, squares=[4, 3]),
            "squares must be 0 where n is below 2, found 3",
            id="one user who differs from the mean",
        ),
        pytest.param(
            lambda: Moments(n=[2, 2], means=[1, 2, 3], squares=0),
            "n, means and squares must have shapes that fit together, found (2,), (3,), ()",
            id="means of more experiments",
        ),
        pytest.param(lambda: Moments.of(3.0), "values must have an axis of users, found one number", id="one number"),
        pytest.param(lambda: Moments.of([1, math.inf]), "values must be finite, found inf", id="an infinite value"),
        pytest.param(
            lambda: Moments.from_sums(3, total=5, squares=4),
            "squares must be total^2 / n or more, found 4",
            id="squares that no three values have",
        ),
        pytest.param(
            lambda: Moments.from_sums(0, total=5, squares=4),
            "squares must be total^2 / n or more, found 4",
            id="a total of nobody",
        ),
        pytest.param(
            lambda: Moments.from_sums(3, total=[1, 2], squares=[9, 9, 9]),
            "n, total, squares and shift must have shapes that fit together, found (), (2,), (3,), ()",
            id="sums of different experiments",
        ),
        pytest.param(
            lambda: JointMoments(first=ONE, second=THREE, products=0),
            "first, second and products must be of the same users, found n 1.0, 3.0 and products of shape ()",
            id="variables of different users",
        ),
        pytest.param(
            lambda: JointMoments(first=THREE, second=THREE, products=-14.1),
            "products must be possible beside the squares of both, found -14.1",
            id="a correlation beyond 1",
        ),
        pytest.param(
            lambda: JointMoments.of([1, 2], [1, 2, 3]),
            "first and second must be of one shape, found shapes (2,), (3,)",
            id="a user with one value",
        ),
        pytest.param(
            lambda: JointMoments.from_sums(2, totals=(1, 1), squares=(1, 1), cross=math.nan),
            "cross must be finite, found nan",
            id="a cross sum of NaN",
        ),
        pytest.param(
            lambda: JointMoments.of([1, 2], [3, 4]).combined(math.nan, 1),
            "weight must be finite, found nan",
            id="a weight of NaN",
        ),
    ],
)
def test_a_bad_argument_is_named(call, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call()
    assert str(caught.value).startswith(message)

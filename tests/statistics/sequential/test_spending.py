"""A spending function rises from nothing to alpha, whatever its kind."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from model_experiment.statistics.sequential.spending import HwangShihDeCani, OBrienFleming, Pocock, Power, spent

functions = st.one_of(
    st.just(OBrienFleming()),
    st.just(Pocock()),
    st.builds(Power, st.floats(0.01, 100)),
    st.builds(HwangShihDeCani, st.floats(-1000, 1000)),
)
alphas = st.floats(1e-6, 0.999)


@settings(max_examples=200)
@given(functions, st.floats(0, 1), st.floats(0, 1), alphas)
def test_spending_never_falls_and_goes_from_0_to_alpha(function, one, other, alpha):
    start, earlier, later, end = spent(function, [0, *sorted((one, other)), 1], alpha=alpha)
    assert start == 0
    assert end == alpha
    assert earlier <= later * (1 + 1e-13)
    assert later <= alpha


@settings(max_examples=50)
@given(functions, st.lists(st.floats(0, 1), min_size=1, max_size=4), st.lists(alphas, min_size=1, max_size=3))
def test_many_informations_and_alphas_at_once_give_what_each_gives_alone(function, informations, several):
    together = spent(function, informations, alpha=np.array(several)[:, np.newaxis])
    alone = [[float(spent(function, t, alpha=alpha)) for t in informations] for alpha in several]
    assert together.tolist() == alone


@pytest.mark.parametrize(
    ("function", "information", "expected"),
    [
        pytest.param(OBrienFleming(), 0.25, 2 * stats.norm.sf(2 * stats.norm.isf(0.025)), id="O'Brien-Fleming"),
        pytest.param(Pocock(), 1 / (math.e + 1), 0.05 * math.log(2 * math.e / (math.e + 1)), id="Pocock"),
        pytest.param(Power(3), 0.5, 0.05 / 8, id="a power"),
        pytest.param(Power(1), 0.3, 0.015, id="a linear power"),
        pytest.param(HwangShihDeCani(0), 0.3, 0.015, id="Hwang, Shih and De Cani's, linear"),
        pytest.param(HwangShihDeCani(math.log(4)), 0.5, 0.05 * 2 / 3, id="Hwang, Shih and De Cani's, early"),
        pytest.param(HwangShihDeCani(-math.log(4)), 0.5, 0.05 / 3, id="Hwang, Shih and De Cani's, late"),
        pytest.param(HwangShihDeCani(-1e300), 0.999, 0.0, id="all at the end"),
        pytest.param(HwangShihDeCani(1e300), 0.001, 0.05, id="all at the start"),
    ],
)
def test_spending_by_its_definition(function, information, expected):
    assert float(spent(function, information, alpha=0.05)) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=50)
@given(st.floats(0.001, 1), st.floats(-1e-9, 1e-9))
def test_hwang_shih_de_cani_is_linear_about_gamma_0(information, gamma):
    assert spent(HwangShihDeCani(gamma), information, alpha=0.05) == pytest.approx(0.05 * information, rel=1e-8)


def test_a_two_sided_test_must_not_halve_what_obrien_fleming_spends_at_alpha():
    per_tail, half = spent(OBrienFleming(), 0.5, alpha=[0.025, 0.05])
    assert per_tail < half / 3


def test_a_function_is_a_value_that_can_be_stored_and_compared():
    assert Power(2.0) == Power(2.0) != Power(3.0)
    assert dataclasses.asdict(HwangShihDeCani(-4.0)) == {"gamma": -4.0}
    assert len({OBrienFleming(), OBrienFleming(), Pocock()}) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: spent(Pocock(), 1.1, alpha=0.05), "information must lie between 0 and 1, found 1.1", id="past 1"
        ),
        pytest.param(
            lambda: spent(Pocock(), [0.5, math.nan], alpha=0.05),
            "information must lie between 0 and 1, found nan",
            id="no information",
        ),
        pytest.param(
            lambda: spent(OBrienFleming(), 0.5, alpha=1),
            "alpha must lie strictly between 0 and 1, found 1",
            id="alpha of 1",
        ),
        pytest.param(
            lambda: spent(OBrienFleming(), [0.5, 1], alpha=[0.1, 0.1, 0.1]),
            r"information and alpha must have shapes that fit together, found \(2,\), \(3,\)",
            id="shapes that do not fit",
        ),
        pytest.param(lambda: Power(0), "exponent must be finite and above 0, found 0", id="a constant power"),
        pytest.param(lambda: Power(math.inf), "exponent must be finite and above 0, found inf", id="an infinite power"),
        pytest.param(lambda: HwangShihDeCani(math.nan), "gamma must be finite, found nan", id="no gamma"),
    ],
)
def test_a_bad_argument_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()

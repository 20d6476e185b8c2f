"""Texts that stand for numbers: the pattern of a range says what its numbers say."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from model_experiment.api.values import Duration, Percentage
from model_experiment.api.words import Effect, ErrorRate, Limit, Margin, PositiveDuration, Power, Share

DECIMALS = st.from_regex(r"\A(0?[.][0-9]{1,6}|[0-9]{1,2}([.][0-9]{1,3})?)\Z")
NUMBERS = st.floats(allow_nan=False) | st.floats(0, 1) | st.integers(-2, 2)
PERCENTAGES = st.from_regex(r"\A[0-9]{1,4}([.][0-9]{1,6})?%\Z")
COUNTS = st.integers(0, 9999) | st.just(0)
UNITS = {
    "w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1),
    "m": timedelta(minutes=1), "s": timedelta(seconds=1), "ms": timedelta(milliseconds=1),
}  # fmt: skip

PROBABILITIES = [
    pytest.param(Share, lambda number: 0 < number < 1, id="a share lies between 0 and 1"),
    pytest.param(ErrorRate, lambda number: 0 < number <= 0.5, id="an error rate is at most a half"),
    pytest.param(Power, lambda number: 0.5 <= number < 1, id="power is at least a half"),
]


def is_taken(kind, raw) -> bool:
    try:
        TypeAdapter(kind).validate_python(raw)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("kind", "in_range"), PROBABILITIES)
@given(text=DECIMALS)
def test_a_decimal_text_is_taken_where_its_number_is_in_range(kind, in_range, text):
    assert is_taken(kind, text) == (in_range(Decimal(text)) and bool(re.match("0?[.]", text)))


@pytest.mark.parametrize(("kind", "in_range"), PROBABILITIES)
@given(number=NUMBERS)
def test_a_number_is_taken_where_it_is_in_range(kind, in_range, number):
    assert is_taken(kind, number) == in_range(number)


@pytest.mark.parametrize("kind", [Share, ErrorRate, Power], ids=["a share", "an error rate", "power"])
@given(number=NUMBERS)
def test_the_bounds_for_the_api_server_say_the_same_of_numbers(kind, number):
    (_, decimals) = get_args(kind)
    bounds = {"minimum": -1, "exclusiveMinimum": -1, "maximum": 2, "exclusiveMaximum": 2, **decimals.bounds}
    within = (
        bounds["minimum"] <= number <= bounds["maximum"]
        and bounds["exclusiveMinimum"] < number < bounds["exclusiveMaximum"]
    )

    assert within == is_taken(kind, number)


@pytest.mark.parametrize(
    ("kind", "in_range"),
    [
        pytest.param(Effect, lambda percent: 0 < percent <= 1000, id="an effect is above 0% and at most 1000%"),
        pytest.param(Margin, lambda percent: percent <= 1000, id="a margin may be 0%"),
        pytest.param(Limit, lambda percent: 0 < percent < 100, id="a limit is below 100%"),
    ],
)
@given(text=PERCENTAGES)
def test_a_percentage_is_taken_where_it_is_in_range(kind, in_range, text):
    # A margin of 0099% is needlessly long, and longer than the pattern: no one writes it, and it is refused.
    plain = Decimal(text.removesuffix("%"))

    assert is_taken(kind, f"{plain}%") == in_range(plain)
    assert Percentage(text).ratio == pytest.approx(float(plain) / 100)


@given(counts=st.lists(COUNTS, min_size=6, max_size=6))
def test_a_duration_is_the_sum_of_its_units(counts):
    text = "".join(f"{count}{unit}" for count, unit in zip(counts, UNITS, strict=True) if count)

    assert is_taken(PositiveDuration, text) == any(counts)
    if text:
        wanted = sum((count * unit for count, unit in zip(counts, UNITS.values(), strict=True)), timedelta())
        assert Duration(text).timedelta == wanted

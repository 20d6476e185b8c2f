"""Expressions for intervals of positions: exact, short, and read back only where they are ours."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_experiment.api.users import UserAssignment
from model_experiment.api.words import By
from model_experiment.assignment import Share, assign
from model_experiment.decision.positions import POSITIONS, position_of
from model_experiment.routing.asking import NO_VALUE, asked_of, closed, is_closed, pattern, positions_of, shares_of

WAYS = st.sampled_from(sorted(POSITIONS))
EXAMPLES = [
    pytest.param(By.POSITION_HEADER, range(50), "^(0?[0-9]|[1-4][0-9])$", id="the first half of a position header"),
    pytest.param(By.POSITION_HEADER, range(1), "^(0?0)$", id="one position"),
    pytest.param(By.POSITION_HEADER, range(7, 30), "^(0?[7-9]|[12][0-9])$", id="whole tens"),
    pytest.param(By.DECIMAL_SUFFIX, range(5, 37), "^.*(0[5-9]|[12][0-9]|3[0-6])$", id="the end of a number"),
    pytest.param(By.HEXADECIMAL_SUFFIX, range(128), "^.*([0-7][0-9a-fA-F])$", id="the first half of a UUID's end"),
    pytest.param(By.HEXADECIMAL_SUFFIX, range(0x9A, 0xB0), "^.*(9[a-fA-F]|[aA][0-9a-fA-F])$", id="letters in any case"),
    pytest.param(By.HEXADECIMAL_SUFFIX, range(3, 3), NO_VALUE, id="nobody"),
]


@pytest.mark.parametrize(("by", "positions", "expression"), EXAMPLES)
def test_an_interval_has_a_short_expression(by, positions, expression):
    assert pattern(by, positions) == expression


@st.composite
def intervals(draw):
    by = draw(WAYS)
    start, stop = sorted((draw(st.integers(0, POSITIONS[by])), draw(st.integers(0, POSITIONS[by]))))
    return by, range(start, stop)


def written(by, position):
    """Every way in which a position may be written."""
    match by:
        case By.POSITION_HEADER:
            return {str(position), f"{position:02d}"}
        case By.DECIMAL_SUFFIX:
            return {f"{position:02d}", f"user-{position:02d}"}
        case _:
            return {f"{position:02x}", f"{position:02X}", f"0b-7{position:02x}"}


@given(intervals())
def test_an_expression_matches_exactly_the_values_of_its_positions(drawn):
    by, positions = drawn
    expression = re.compile(pattern(by, positions))
    for position in range(POSITIONS[by]):
        for value in written(by, position):
            assert bool(expression.search(value)) == (position in positions)


@given(WAYS, st.text(max_size=6) | st.from_regex(r"[0-9a-fA-F]{0,4}", fullmatch=True))
def test_what_stands_for_no_position_is_matched_by_no_expression(by, value):
    whole = re.compile(pattern(by, range(POSITIONS[by])), re.DOTALL)
    expected = position_of(by, modulus=POSITIONS[by], user=value, sent=value) is not None
    assert bool(whole.fullmatch(value)) == expected


@given(intervals())
def test_an_expression_is_short_and_read_back(drawn):
    by, positions = drawn
    value = pattern(by, positions)
    assert len(value) <= 100
    assert positions_of(by, value) == positions_of(by, closed(value)) == list(positions)


STRANGE = [".+", "", "^(a+)+$", "^.*([9-0]0)$", "^((((", "^.*(0[0-9]", "(0[0-9])", f".*{NO_VALUE}"]


@pytest.mark.parametrize("value", STRANGE)
def test_an_expression_of_another_shape_stands_for_nobody_and_is_never_evaluated(value):
    assert positions_of(By.DECIMAL_SUFFIX, value) == []


@pytest.mark.parametrize("value", [".+", "", "a|b", "^(0?[0-9])$", "^.*(0[0-9])$"])
def test_a_closed_expression_matches_nothing_and_is_known_as_closed(value):
    assert re.search(closed(value), "anna-07") is None
    assert is_closed(closed(value))
    assert closed(closed(value)) == closed(value)
    assert not is_closed(value)


def test_an_alternative_beside_the_impossible_value_is_not_closed():
    assert not is_closed(rf"a|b{NO_VALUE}")
    assert not is_closed(rf"^(0?[0-9])$|.*{NO_VALUE}")


def by_suffix(by=By.DECIMAL_SUFFIX):
    return UserAssignment(by=by)


def rules_of(assignment, split, *, is_open=True):
    return [(share.variant, asked_of(assignment, positions, is_open=is_open)) for share, positions in split.intervals]


@pytest.mark.parametrize("is_open", [True, False])
@given(st.integers(1, 99), WAYS)
def test_shares_are_read_back(is_open, percent, by):
    header = {"position_header": "x-position"} if by is By.POSITION_HEADER else {}
    assignment = UserAssignment(by=by, **header)
    split = assign(modulus=POSITIONS[by], champion="v7", challengers={"v8": percent})
    assert tuple(shares_of(assignment, rules_of(assignment, split, is_open=is_open))) == split.shares


def test_an_edited_expression_is_nobodys():
    rules = [("v8", {"x-user-id": "^.*(0[0-9])$"}), ("v7", {"x-user-id": "^.*([2-9][0-9])$"})]
    assert list(shares_of(by_suffix(), rules)) == [Share("v8", 10), Share("unknown:^.*([2-9][0-9])$", 0)]


def test_a_position_header_is_asked_for_beside_the_users():
    assignment = UserAssignment(by=By.POSITION_HEADER, position_header="x-position")
    assert asked_of(assignment, range(10), is_open=True) == {"x-user-id": ".+", "x-position": "^(0?[0-9])$"}
    assert asked_of(assignment, range(10), is_open=False) == {"x-user-id": NO_VALUE, "x-position": "^(0?[0-9])$"}

"""Who meets which variant."""

import itertools
import operator
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from model_experiment.assignment import (
    BUCKETS,
    HOLDOUT,
    LARGEST_MODULUS,
    SMALLEST_MODULUS,
    Assignment,
    Share,
    assign,
    modulus_for,
    user_hash,
)

MODULUS = 500_009
USERS = [f"user-{number}" for number in range(20_000)]


def split(percent, modulus=MODULUS):
    return assign(modulus=modulus, champion="v7", challengers={"v8": percent})


def test_the_source_root_does_not_shadow_the_standard_library():
    assert operator.itemgetter(0)([7]) == 7
    assert not (Path(__file__).parents[1] / "operator" / "__init__.py").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", 0xEF46DB3751D8E999, id="the published hash of nothing"),
        pytest.param("a", 0xD24EC4F1A98C6E5B, id="the published hash of one letter"),
        pytest.param("abc", 0x44BC2CF5AD770999, id="the published hash of three letters"),
    ],
)
def test_the_hash_is_xxhash64_with_seed_0(text, expected):
    assert user_hash(text) == expected


@given(st.integers(1, 98), st.text(max_size=40))
def test_growing_a_challenger_never_moves_a_user_out_of_it(percent, user):
    before, after = split(percent), split(percent + 1)
    assert not (before.variant(user) == "v8" and after.variant(user) == "v7")


@given(st.integers(1, 99), st.uuids())
def test_weights_sum_to_the_modulus_and_nobody_is_left_out(percent, uid):
    modulus = modulus_for(str(uid))
    assignment = split(percent, modulus)
    assert sum(share.weight for share in assignment.shares) == modulus
    assert all(share.weight > 0 for share in assignment.shares)


@given(st.uuids())
def test_a_modulus_is_a_prime_in_its_range(uid):
    modulus = modulus_for(str(uid))
    assert SMALLEST_MODULUS <= modulus <= LARGEST_MODULUS
    assert all(modulus % divisor for divisor in range(2, 1000))


def test_a_taken_modulus_is_not_given_twice():
    first = modulus_for("uid")
    assert modulus_for("uid", taken=frozenset({first})) != first


@pytest.mark.parametrize("percent", [1, 10, 50])
def test_a_split_happens_as_asked_within_chance(percent):
    met = sum(split(percent).variant(user) == "v8" for user in USERS)
    expected = len(USERS) * percent / 100
    deviation = (expected * (1 - percent / 100)) ** 0.5
    assert abs(met - expected) < 4 * deviation


def test_buckets_are_even_and_independent_of_the_variant():
    assignment = split(50)
    counts = {variant: [0] * BUCKETS for variant in ("v7", "v8")}
    for user in USERS:
        counts[assignment.variant(user)][assignment.bucket(user)] += 1
    for by_bucket in counts.values():
        mean = sum(by_bucket) / BUCKETS
        chi_square = sum((count - mean) ** 2 / mean for count in by_bucket)
        assert chi_square < 170  # 99 degrees of freedom: exceeded by chance once in some 100,000 times


def test_two_experiments_are_independent():
    first, second = split(10, 500_009), split(10, 700_001)
    both = sum(first.variant(user) == second.variant(user) == "v8" for user in USERS)
    assert abs(both - 200) < 4 * 200**0.5


@st.composite
def several(draw):
    """Two to six challengers that leave the champion a percent, and two stages of a ramp to their full split."""
    count = draw(st.integers(2, 6))
    cuts = sorted(draw(st.sets(st.integers(1, 98), min_size=count, max_size=count)))
    percents = [after - before for before, after in zip([0, *cuts], cuts, strict=False)]
    challengers = {f"v{number + 8}": percent for number, percent in enumerate(percents)}
    stages = sorted((draw(st.integers(0, cuts[-1])), draw(st.integers(0, cuts[-1]))))
    return challengers, stages, modulus_for(str(draw(st.uuids())))


@given(several(), st.lists(st.integers(0, 10**9), min_size=50, max_size=50))
def test_a_ramp_of_several_challengers_only_ever_takes_users_from_the_champion(drawn, users):
    challengers, stages, modulus = drawn
    layouts = [assign(modulus=modulus, champion="v7", challengers=challengers, reached=stage) for stage in stages]
    layouts.append(assign(modulus=modulus, champion="v7", challengers=challengers))
    assert len({tuple(share.variant for share in layout.shares) for layout in layouts}) == 1
    for user in users:
        met = [layout.variant(str(user)) for layout in layouts]
        assert all(before in ("v7", after) for before, after in itertools.pairwise(met))


HOLDOUTS = st.integers(1, 99)
MANY_USERS = st.lists(st.integers(0, 10**9).map(str), min_size=50, max_size=50)


@given(several(), several(), HOLDOUTS, MANY_USERS)
def test_whoever_is_held_out_stays_so_at_any_step_of_a_ramp_and_for_any_challengers(drawn, others, holdout, users):
    challengers, stages, modulus = drawn
    layouts = [
        assign(modulus=modulus, champion="v7", challengers=challengers, reached=stage, holdout=holdout)
        for stage in (*stages, None)
    ]
    layouts.append(assign(modulus=modulus, champion="v7", challengers=others[0], holdout=holdout))
    for user in users:
        assert len({layout.variant(user) == HOLDOUT for layout in layouts}) == 1


@given(several(), HOLDOUTS, MANY_USERS)
def test_a_ramp_beside_a_holdout_only_ever_takes_users_from_the_champion(drawn, holdout, users):
    challengers, stages, modulus = drawn
    layouts = [
        assign(modulus=modulus, champion="v7", challengers=challengers, reached=stage, holdout=holdout)
        for stage in (*stages, None)
    ]
    for user in users:
        met = [layout.variant(user) for layout in layouts]
        assert all(before in ("v7", after) for before, after in itertools.pairwise(met))


@given(several(), st.sampled_from([100, 256]), st.integers(0, 99))
def test_few_positions_keep_the_laws_of_many(drawn, positions, holdout):
    challengers, stages, _ = drawn
    assume(min(challengers.values()) * (100 - holdout) >= 100)  # the spec asks for 1 percent of all users
    layouts = [
        assign(modulus=positions, champion="v7", challengers=challengers, reached=stage, holdout=holdout)
        for stage in (*stages, None)
    ]
    assert len({tuple(share.variant for share in layout.shares) for layout in layouts}) == 1
    for position in range(positions):
        met = [layout.at(position) for layout in layouts]
        assert all(
            before == after or (before == "v7" and after != HOLDOUT) for before, after in itertools.pairwise(met)
        )


def test_a_challenger_without_a_position_is_refused():
    with pytest.raises(ValueError, match=r"must have a position of its own, found \{'v8': 0\} of 100"):
        assign(modulus=100, champion="v7", challengers={"v8": 1}, holdout=67)


@pytest.mark.parametrize("positions", [100, 256])
@given(several())
def test_the_smallest_step_of_a_ramp_gives_every_challenger_a_position(positions, drawn):
    challengers, *_ = drawn
    first = assign(modulus=positions, champion="v7", challengers=challengers, reached=1)
    assert all(first.weight(name) >= 1 for name in challengers)


@given(several(), HOLDOUTS)
def test_those_who_enter_are_split_as_asked_to_one_part_of_the_modulus(drawn, holdout):
    challengers, _, modulus = drawn
    assignment = assign(modulus=modulus, champion="v7", challengers=challengers, holdout=holdout)
    percents = {**challengers, "v7": 100 - sum(challengers.values())}
    for name, percent in percents.items():
        assert abs(assignment.weight(name) - modulus * (100 - holdout) * percent / 100**2) < 1
    assert abs(assignment.weight(HOLDOUT) - modulus * holdout / 100) < 1
    assert sum(share.weight for share in assignment.shares) == modulus


def test_a_fifth_of_the_users_is_held_out_and_the_rest_is_halved():
    assignment = assign(modulus=MODULUS, champion="v7", challengers={"v8": 50}, holdout=20)
    assert [share.variant for share in assignment.shares] == ["v8", "v7", HOLDOUT]
    assert [round(100 * share.weight / MODULUS) for share in assignment.shares] == [40, 40, 20]


@pytest.mark.parametrize("holdout", [-1, 100])
def test_a_holdout_of_nobody_left_is_refused(holdout):
    with pytest.raises(ValueError, match=f"holdout must lie between 0 and 99 percent, found {holdout}"):
        assign(modulus=MODULUS, champion="v7", challengers={"v8": 50}, holdout=holdout)


@given(several())
def test_the_weights_of_several_challengers_are_right_to_one_part_of_the_modulus(drawn):
    challengers, _, modulus = drawn
    assignment = assign(modulus=modulus, champion="v7", challengers=challengers)
    percents = {**challengers, "v7": 100 - sum(challengers.values())}
    for name, percent in percents.items():
        assert abs(assignment.weight(name) - modulus * percent / 100) < 1
    assert all(share.weight > 0 for share in assignment.shares)


@pytest.mark.parametrize(
    ("challengers", "order"),
    [
        pytest.param({"a": 10}, "a v7", id="a lone challenger stands first"),
        pytest.param({"a": 10, "b": 20}, "a v7 b", id="two stand around the champion"),
        pytest.param({"a": 10, "b": 20, "c": 5}, "a v7 b v7 c", id="three have the champion between them"),
        pytest.param({"a": 10, "b": 20, "c": 5, "d": 25}, "a v7 b v7 c v7 d", id="four have it three times"),
    ],
)
def test_the_champion_stands_between_the_challengers(challengers, order):
    assignment = assign(modulus=MODULUS, champion="v7", challengers=challengers)
    assert " ".join(share.variant for share in assignment.shares) == order


@pytest.mark.parametrize(
    ("challengers", "reached", "message"),
    [
        pytest.param({}, None, "challengers must have 1 percent or more, below 100 in all, found {}", id="nobody"),
        pytest.param({"a": 60, "b": 40}, None, "below 100 in all, found {'a': 60, 'b': 40}", id="no champion"),
        pytest.param({"a": 0}, None, "must have 1 percent or more", id="a challenger with nothing"),
        pytest.param(
            {"a": 10}, 11, "reached must lie between 0 and the 10 percent of the full split, found 11", id="11"
        ),
    ],
)
def test_a_split_that_cannot_be_is_refused(challengers, reached, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        assign(modulus=MODULUS, champion="v7", challengers=challengers, reached=reached)


def test_weights_that_do_not_sum_to_the_modulus_are_refused():
    with pytest.raises(ValueError, match="weights must be 0 or more and sum to 7"):
        Assignment(7, (Share("v8", 3), Share("v7", 3)))

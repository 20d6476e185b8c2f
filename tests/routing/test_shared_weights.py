"""The weights of a shared rule: ours and others', and the next write on the way to a step."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from given.deciding import experiment
from model_experiment.assignment import Assignment, Share, assign
from model_experiment.decision.route import Open, Parked
from model_experiment.decision.splits import promotion_of
from model_experiment.routing.shared_weights import (
    Entry,
    Mark,
    SharedRule,
    mark_from,
    mark_name,
    mark_on,
    next_written,
    opened,
    operations,
    parked,
    released,
    stands,
    stepped,
)

MODULUS = 100_003
SPLIT = assign(modulus=MODULUS, champion="v7", challengers={"v8": 50})
MARK = Mark("5f0c7ba2-uid", (0, 100), SPLIT)


def listed(*weights, variants=("v8", "v7")):
    return tuple(
        Entry(f"/spec/rules/0/backendRefs/{place}", variant, weight, (f"/{place}/name", f"ranker-{variant}"))
        for place, (variant, weight) in enumerate(zip(variants, weights, strict=True))
    )


@pytest.mark.parametrize(
    ("standing", "step", "mark", "settled", "wanted"),
    [
        pytest.param((0, 100), Parked(SPLIT), None, False, (0, 100_003), id="a claim: all for the champion"),
        pytest.param((0, 100_003), Open(SPLIT), MARK, True, (1, 100_002), id="opening begins with 1"),
        pytest.param((1, 100_002), Open(SPLIT), MARK, True, (50_002, 50_001), id="and goes on to the split"),
        pytest.param((50_001, 50_002), Parked(SPLIT), MARK, False, (1, 100_002), id="a take-back leaves 1 at once"),
        pytest.param((1, 100_002), Parked(SPLIT), MARK, False, (1, 100_002), id="and waits for the gateway"),
        pytest.param((1, 100_002), Parked(SPLIT), MARK, True, (0, 100_003), id="then takes the last one"),
        pytest.param((0, 100), Parked(SPLIT), MARK, True, (0, 100), id="somebody else's zero is as good as ours"),
        pytest.param((0, 100), Open(SPLIT), MARK, True, (1, 100_002), id="what was undone begins with 1 again"),
        pytest.param((30, 70), Parked(SPLIT), MARK, True, (1, 100_002), id="somebody's split is taken back"),
        pytest.param((100_002, 1), Parked(SPLIT), MARK, True, (1, 100_002), id="a promotion is, in one write"),
    ],
)
def test_the_next_weights(standing, step, mark, settled, wanted):
    assert next_written(listed(*standing), step, mark=mark, champion="v7", settled=settled).weights == wanted


def test_an_edited_rule_is_emptied_of_the_challenger_at_once():
    entries = listed(40, 5, 60, variants=("v8", "", "v7"))
    assert next_written(entries, Parked(SPLIT), mark=MARK, champion="v7", settled=False).weights == (0, 5, 100)


def test_a_rule_that_has_lost_the_champion_is_left_alone():
    entries = listed(40, 5, variants=("v8", ""))
    assert next_written(entries, Parked(SPLIT), mark=MARK, champion="v7", settled=False).weights == (40, 5)


percents = st.lists(st.integers(1, 24), min_size=1, max_size=4)
moduli = st.sampled_from([100_003, 500_009, 999_983])


def split_of(modulus, percents):
    challengers = {f"v{8 + place}": percent for place, percent in enumerate(percents)}
    return assign(modulus=modulus, champion="v7", challengers=challengers)


@given(modulus=moduli, percents=percents)
def test_one_write_leaves_the_challengers_all_but_without_users_and_moves_nobody_between_them(modulus, percents):
    split = split_of(modulus, percents)
    between = stepped(split, "v7")
    assert {share.weight for share in between.shares if share.variant != "v7"} == {1}
    ends = 0
    for before, after in zip(split.shares, between.shares, strict=True):
        if before.variant != "v7":
            inside = range(sum_before(split, before), sum_before(split, before) + before.weight)
            assert sum_before(between, after) in inside
        ends += after.weight
    assert ends == modulus


def sum_before(split, share):
    """Where the interval of a share begins."""
    return sum(each.weight for each in split.shares[: split.shares.index(share)])


@given(modulus=moduli, percents=percents, winner=st.integers(0, 3))
def test_nobody_stands_at_0_in_an_open_split_and_no_challenger_above_it_in_a_parked_one(modulus, percents, winner):
    split = split_of(modulus, percents)
    for each in (split, promotion_of(split, f"v{8 + winner % len(percents)}")):
        entries = listed(*opened(each), variants=[share.variant for share in each.shares])
        assert min(opened(each)) >= 1
        assert sum(opened(each)) == sum(parked(each, "v7")) == modulus
        for share, weight in zip(each.shares, parked(each, "v7"), strict=True):
            assert weight == 0 if share.variant != "v7" else weight > 0
        assert stands(entries, each, "v7")
        assert next_written(entries, Parked(each), mark=MARK, champion="v7", settled=True).split == stepped(each, "v7")


def test_a_mark_is_read_as_it_was_written_and_an_earlier_experiments_reason_is_forgotten():
    subject = replace(experiment(), uid="5f0c7ba2-uid")
    mark = replace(MARK, taken_back="Rollback|Harm|it fails")
    route = {"metadata": {"annotations": {mark_name(subject): mark.text()}}}
    assert mark_on(route, subject) == mark
    assert mark_on(route, replace(subject, uid="another")) == replace(mark, taken_back="")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("gone", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="without its parts"),
        pytest.param(json.dumps({**json.loads(MARK.text()), "split": [["v8", -1]]}), id="weights below 0"),
        pytest.param(json.dumps({**json.loads(MARK.text()), "split": [8]}), id="a split without weights"),
    ],
)
def test_an_edited_mark_is_none(text):
    subject = experiment()
    assert mark_on({"metadata": {"annotations": {mark_name(subject): text}}}, subject) is None


STATUS = {
    "phase": "Running",
    "startTime": "2027-01-15T08:00:00Z",
    "assignment": {
        "modulus": MODULUS,
        "shares": [{"variant": "v8", "weight": 50_001}, {"variant": "v7", "weight": 50_002}],
    },
}


@pytest.mark.parametrize(
    ("standing", "changes", "split"),
    [
        pytest.param((50_001, 50_002), {}, (50_001, 50_002), id="the split that stands"),
        pytest.param((1_001, 99_002), {}, (1_001, 99_002), id="an earlier step of the ramp"),
        pytest.param((100_002, 1), {"phase": "Promoted"}, (100_002, 1), id="a promotion"),
        pytest.param((10, 90), {}, (50_001, 50_002), id="somebody's weights"),
        pytest.param((10, 90), {"phase": "Concluded"}, None, id="after the experiment"),
        pytest.param((10, 90), {"startTime": None}, None, id="before it"),
        pytest.param((10, 90), {"assignment": None}, None, id="before anything"),
    ],
)
def test_what_a_status_knows_of_a_lost_mark(standing, changes, split):
    status = {key: value for key, value in {**STATUS, **changes}.items() if value}
    mark = mark_from(status, replace(experiment(), uid="5f0c7ba2-uid"), listed(*standing))
    shares = mark and tuple(share.weight for share in mark.split.shares)
    assert shares == split
    assert mark is None or (mark.uid, mark.original) == ("5f0c7ba2-uid", (0, MODULUS))


@pytest.mark.parametrize(
    ("standing", "original", "wanted"),
    [
        pytest.param((0, MODULUS), (0, 100), (0, 100), id="what was found"),
        pytest.param((0, MODULUS), (None, 100), (None, 100), id="a weight that was not given"),
        pytest.param((50_002, 50_001), (0, 100), (0, 100), id="even from an open split"),
        pytest.param((10, 90), (0, 100), (10, 90), id="somebody else's stay"),
        pytest.param((0, MODULUS), (0, 100, 0), (0, MODULUS), id="found by one with more challengers"),
    ],
)
def test_the_weights_that_a_release_leaves(standing, original, wanted):
    assert released(listed(*standing), replace(MARK, original=original), "v7") == wanted


def test_the_first_annotation_asks_for_the_very_version_also_in_a_take_back():
    route, rule = {"metadata": {"uid": "route", "resourceVersion": "7"}}, SharedRule(listed(50_001, 50_002))
    asked = operations(route, rule, (1, 100_002), annotation=("a/b", "text"), urgent=True)
    assert {"op": "test", "path": "/metadata/resourceVersion", "value": "7"} in asked


def test_a_write_tests_names_and_weights_and_a_take_back_names_alone():
    route = {"metadata": {"uid": "route", "resourceVersion": "7", "annotations": {}}}
    rule = SharedRule(listed(50_001, 50_002), ("/spec/rules/0/name", "main"))
    names = [
        {"op": "test", "path": "/metadata/uid", "value": "route"},
        {"op": "test", "path": "/spec/rules/0/name", "value": "main"},
        {"op": "test", "path": "/0/name", "value": "ranker-v8"},
        {"op": "test", "path": "/1/name", "value": "ranker-v7"},
    ]
    weights = [
        {"op": "test", "path": "/spec/rules/0/backendRefs/0/weight", "value": 50_001},
        {"op": "test", "path": "/spec/rules/0/backendRefs/1/weight", "value": 50_002},
    ]
    writes = [
        {"op": "add", "path": "/metadata/annotations", "value": {"a/b": "text"}},
        {"op": "add", "path": "/spec/rules/0/backendRefs/0/weight", "value": 1},
        {"op": "add", "path": "/spec/rules/0/backendRefs/1/weight", "value": 100_002},
    ]
    wanted = (1, 100_002)
    assert operations(route, rule, wanted, annotation=("a/b", "text")) == [*names, *weights, *writes]
    assert operations(route, rule, wanted, annotation=("a/b", "text"), urgent=True) == [*names, *writes]


def test_a_split_of_another_order_is_not_ours():
    other = Assignment(MODULUS, (Share("v7", 50_002), Share("v8", 50_001)))
    assert not stands(listed(50_002, 50_001), other, "v7")

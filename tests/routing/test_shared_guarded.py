"""Whatever others write to a shared route: while the challenger serves there, it is watched and can be taken back."""

import asyncio
import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_experiment.objects import HTTP_ROUTE, VIRTUAL_SERVICE
from model_experiment.routing.shared_weights import mark_name, mark_on
from routing.shared_lives import SUBJECTS, SharedLife, entries_of, rule_for, rules_of

MARK = mark_name(SUBJECTS[HTTP_ROUTE])
FOUND = [("ranker-v8", 0), ("ranker-v7", 100)]
FOR_OTHERS = [("ranker-v7", 1)]
SPLIT = [("ranker-v8", 432_246), ("ranker-v7", 432_245)]
MODULUS = 864_491


@pytest.fixture(params=[HTTP_ROUTE, VIRTUAL_SERVICE], ids=lambda kind: kind.name)
def life(request):
    return SharedLife(request.param)


def inserted(life, *backends):
    """Another rule, before the shared one."""
    return lambda route: rules_of(route).insert(0, rule_for(life.kind, *backends))


def unnamed(route):
    """The shared rule of a VirtualService loses its name; that of an HTTPRoute has none."""
    for rule in rules_of(route):
        rule.pop("name", None)


def unmarked(route):
    """``kubectl annotate httproute ranker x-``, or a loop that replaces the object but for its rules."""
    route["metadata"].pop("annotations", None)


def broken(route):
    """Somebody edits the mark."""
    route["metadata"]["annotations"] = {MARK: "mine"}


def weighed(*weights):
    """Somebody gives the backends of the shared rule other weights."""

    def change(route):
        (shared,) = filter(lambda rule: len(entries_of(rule)) > 1, rules_of(route))
        for entry, weight in zip(entries_of(shared), weights, strict=True):
            entry["weight"] = weight

    return change


def replaced(route):
    """A loop that replaces the object: neither mark nor weights stay."""
    unmarked(route)
    weighed(0, 100)(route)


RULES = [
    pytest.param([("health", 1)], id="a rule of another service"),
    pytest.param([("ranker-v7", 1)], id="one of the champion"),
    pytest.param([("ranker-v8", 1)], id="one for those who try the challenger"),
    pytest.param([("ranker-v8", 100), ("ranker-v7", 0)], id="one that lists both, as the shared one does"),
]


@pytest.mark.parametrize("backends", RULES)
@pytest.mark.parametrize("change", [lambda _: None, unnamed], ids=["named", "unnamed"])
async def test_the_split_is_taken_back_where_it_is_whatever_rule_was_inserted_before_it(life, backends, change):
    await life.until_running()
    life.edit(inserted(life, *backends))
    life.edit(change)
    await life.tick()
    await life.tick()
    life.delete()
    await life.until_over()
    assert life.weights() == [backends, FOUND, FOR_OTHERS]


async def test_a_copy_of_the_open_rule_is_taken_back_too(life):
    await life.until_running()
    life.edit(lambda route: rules_of(route).append(deepcopy({**rules_of(route)[0], "name": "copy"})))
    life.delete()
    await life.until_over()
    copied = [("ranker-v8", 0), ("ranker-v7", MODULUS)]
    assert life.weights() in ([FOUND, FOR_OTHERS, copied], [copied, FOR_OTHERS, FOUND])


LOST = [pytest.param(unmarked, id="taken away"), pytest.param(broken, id="unreadable")]


@pytest.mark.parametrize("lose", LOST)
async def test_a_mark_that_is_lost_while_the_split_stands_is_written_again_and_moves_nobody(life, lose):
    await life.until_running()
    marked = life.objects.manifest["metadata"]["annotations"]
    life.edit(lose)
    for _ in range(4):
        await life.tick()
        assert (life.status.phase, life.weights(), life.holds) == ("Running", [SPLIT, FOR_OTHERS], True)
    assert life.objects.manifest["metadata"]["annotations"] == marked


@pytest.mark.parametrize("process", [lambda _: None, SharedLife.restart], ids=["the same process", "a new one"])
async def test_a_user_who_gives_the_challenger_everything_before_it_has_won_is_undone(life, process):
    await life.until_running()
    life.edit(unmarked)
    life.edit(weighed(100, 0))
    process(life)
    for _ in range(6):
        await life.tick()
    assert (life.status.phase, life.weights(), life.holds) == ("Running", [SPLIT, FOR_OTHERS], True)


@pytest.mark.parametrize("lose", LOST)
async def test_a_challenger_that_does_harm_is_taken_back_without_a_mark(life, lose):
    await life.until_running()
    life.edit(lose)
    await life.harm()
    await life.until_over()
    await life.tick()
    assert (life.status.phase, life.status.decision.verdict) == ("Concluded", "Rollback")
    assert life.weights() == [FOUND, FOR_OTHERS]
    assert MARK not in life.objects.manifest["metadata"].get("annotations", {})


async def test_a_loop_that_takes_the_mark_away_moves_nobody_and_loses_against_a_take_back(life):
    await life.until_running()
    for _ in range(10):
        life.edit(unmarked)
        await life.tick()
        assert (life.status.phase, life.weights(), life.holds) == ("Running", [SPLIT, FOR_OTHERS], True)
    while life.status.phase != "Concluded":
        life.edit(unmarked)
        await life.harm(polls=1)
    assert life.status.decision.verdict == "Rollback"
    assert life.weights() == [[("ranker-v8", 0), ("ranker-v7", MODULUS)], FOR_OTHERS]


@pytest.mark.parametrize("lose", LOST)
@pytest.mark.parametrize("weights", [(432_246, 432_245), (10, 90), (1, MODULUS - 1)], ids=str)
async def test_a_new_process_takes_back_a_split_that_has_no_mark(life, lose, weights):
    """It cannot know the weights that were found, so the champion gets all of them."""
    await life.until_running()
    life.edit(weighed(*weights))
    life.edit(lose)
    life.restart()
    life.delete()
    await life.until_over()
    assert life.weights() == [[("ranker-v8", 0), ("ranker-v7", MODULUS)], FOR_OTHERS]


def left_behind(route):
    """An earlier experiment of the same name had two challengers, and was deleted without its finalizer."""
    parts = {"experiment": "old", "original": [0, 100, 0], "split": [["v8", 10], ["v7", 80], ["v9", 10]]}
    route["metadata"]["annotations"] = {MARK: json.dumps({**parts, "takenBack": ""})}


@pytest.mark.parametrize("seconds", [0, 1, 4, 12])
async def test_a_mark_of_an_earlier_experiment_with_more_challengers_can_be_released(life, seconds):
    life.edit(left_behind)
    await life.tick()
    for _ in range(seconds):
        await life.tick()
    life.delete()
    await life.until_over()
    assert life.weights()[0][0] == ("ranker-v8", 0)
    assert life.weights()[0][1] in [("ranker-v7", 100), ("ranker-v7", MODULUS)]
    assert MARK not in life.objects.manifest["metadata"].get("annotations", {})


@pytest.mark.parametrize("lose", [lambda _: None, unmarked], ids=["marked", "unmarked"])
async def test_what_was_taken_back_by_hand_while_no_controller_ran_is_left(life, lose):
    await life.until_running()
    life.edit(weighed(0, 432_245))
    life.edit(lose)
    life.delete()
    life.restart()
    await life.until_over()
    assert life.weights() == [[("ranker-v8", 0), ("ranker-v7", 432_245)], FOR_OTHERS]
    assert MARK not in life.objects.manifest["metadata"].get("annotations", {})


async def assert_left_through_a_deletion(life, weights):
    """Neither some ticks nor the end of the experiment change the user's weights of the shared rule."""
    for _ in range(4):
        await life.tick()
    life.delete()
    await life.until_over()
    assert life.weights() == [weights, FOR_OTHERS]


async def test_weights_of_the_users_before_the_experiment_are_left(life):
    life.edit(weighed(10, 90))
    await assert_left_through_a_deletion(life, [("ranker-v8", 10), ("ranker-v7", 90)])


@pytest.mark.parametrize("process", [lambda _: None, SharedLife.restart], ids=["the same process", "a new one"])
@pytest.mark.parametrize("change", [lambda _: None, unmarked, replaced], ids=["alone", "unmarked", "replaced"])
async def test_weights_of_the_users_after_the_experiment_are_left(life, change, process):
    await life.until_running()
    while life.status.phase == "Running":
        await life.harm(polls=1)
    life.edit(change)
    await life.until_over()
    await life.tick()
    assert life.status.phase == "Concluded"
    life.edit(weighed(10, 90))
    process(life)
    await assert_left_through_a_deletion(life, [("ranker-v8", 10), ("ranker-v7", 90)])


@pytest.mark.parametrize("process", [lambda _: None, SharedLife.restart], ids=["the same process", "a new one"])
async def test_a_user_who_gives_the_winner_everything_and_replaces_the_mark_is_left_alone(life, process):
    await life.until_promoted()
    life.edit(unmarked)
    life.edit(weighed(100, 0))
    process(life)
    await life.until_over()
    await life.tick()
    assert (life.status.phase, life.status.decision.verdict) == ("Concluded", "Promote")
    assert life.weights() == [[("ranker-v8", 100), ("ranker-v7", 0)], FOR_OTHERS]


EDITS = [
    unmarked,
    broken,
    replaced,
    weighed(10, 90),
    weighed(9, 1),
    weighed(1, MODULUS - 1),
    weighed(432_246, 432_245),
    unnamed,
]
OTHERS = [("health", 1)], [("ranker-v7", 1)], [("ranker-v8", 1)]


@given(kind=st.sampled_from([HTTP_ROUTE, VIRTUAL_SERVICE]), data=st.data())
@settings(max_examples=40)
def test_no_experiment_lets_go_of_a_route_on_which_its_challenger_serves(kind, data):
    """Whoever writes the route in whatever order, and wherever the process dies."""
    edits, rules = st.sampled_from(EDITS).map(edit_by), st.sampled_from(OTHERS).map(insert)
    story = data.draw(st.lists(st.sampled_from([tick, crash, restart]) | edits | rules, max_size=8))
    asyncio.run(lived(SharedLife(kind), story))


async def lived(life, story):
    await life.until_running()
    for happens in story:
        await happens(life)
    life.delete()
    await life.until_over()
    ((challenger, champion),) = [rule for rule in life.weights() if len(rule) > 1]
    assert challenger == ("ranker-v8", 0)
    assert champion[1] > 0
    assert all(rule in OTHERS for rule in life.weights() if len(rule) == 1)
    assert mark_on(life.objects.manifest, life.subject) is None


async def tick(life):
    await life.tick()


async def crash(life):
    await life.tick(crash=True)


async def restart(life):
    life.restart()


def edit_by(change):
    async def edit(life):
        life.edit(change)

    return edit


def insert(backends):
    async def inserts(life):
        life.edit(inserted(life, *backends))

    return inserts

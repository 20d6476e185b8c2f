"""What a person sees of recorded scenes: facts, news, the end, and both ways to show them."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from demo.numbers import Numbers
from demo.scene import Event, Fact, Scene, conclusion, facts, news, traffic, users_side
from demo.view import line, panel, paragraph

_SCENES = Path(__file__).with_name("scenes")


def scene(name):
    """A scene of a real run, as the API server and the users had it."""
    told = json.loads((_SCENES / f"{name}.json").read_text())
    events = tuple(Event(**event) for event in told["events"])
    return Scene(told["status"], events, Numbers(**told["numbers"]))


def _told(shown):
    return {fact.topic: fact.text for fact in shown}


@pytest.mark.parametrize(
    ("name", "topic", "text"),
    [
        pytest.param(
            "starting",
            "split",
            "asked v7 100.00%, v8 0.00%; seen v7 -, v8 - of 0 users, 0 requests",
            id="before anybody was counted the seen split is unknown, not 0 %",
        ),
        pytest.param(
            "running",
            "split",
            "asked v7 50.00%, v8 50.00%; seen v7 50.67%, v8 49.33% of 1196 users, 2885 requests",
            id="the split is told as asked and as seen",
        ),
        pytest.param(
            "running",
            "objective purchase",
            "Undecided, no look yet; now +51.8% [+9.7%, +110.1%] (0.2831 against 0.1865)",
            id="before the first look there is only the interval that holds at any time",
        ),
        pytest.param(
            "looked",
            "objective purchase",
            "Undecided, look 5/7 [-20.9%, +19.2%]; now -1.8% [-23.5%, +26.1%] (0.1932 against 0.1967)",
            id="a look keeps its own interval beside that of now",
        ),
        pytest.param(
            "taking_back",
            "guardrail errors",
            "Breached: 2.35% against 0.42%, evidence 320 of 100",
            id="a guardrail is told with its evidence against the threshold",
        ),
        pytest.param(
            "running",
            "gate Sample",
            "Waiting: 34% of the planned sample is there (1196 users, 3472 planned at an even split); about 20 s to go",
            id="an open gate says what is missing",
        ),
        pytest.param(
            "running",
            "decision",
            "Continue (Collecting): 34% of the planned sample is there (1196 users, 3472 planned at an even split);"
            " about 20 s to go",
            id="a decision to go on says why",
        ),
        pytest.param(
            "promoted",
            "decision",
            "Promote (ChallengerBetter)",
            id="the sentence of a final decision is left to the conclusion",
        ),
    ],
)
def test_a_fact_of_a_recorded_scene_reads_as_a_sentence(name, topic, text):
    assert _told(facts(scene(name)))[topic] == text


def test_a_status_that_says_nothing_yet_shows_nothing():
    assert facts(Scene()) == ()
    assert conclusion(Scene()) == (Fact("decision", None, "none"),)


_LATER = Event("Normal", "TrafficShifted", "the split is open")


def _with(before, part, **changes):
    """A scene in which the first entry of a list of the status differs."""
    status = before.status | {part: [before.status[part][0] | changes, *before.status[part][1:]]}
    return replace(before, status=status)


@pytest.mark.parametrize(
    ("after", "topics"),
    [
        pytest.param(lambda before: before, [], id="nothing changed"),
        pytest.param(
            lambda before: replace(before, status=before.status | {"phase": "Promoting"}), ["phase"], id="a new phase"
        ),
        pytest.param(lambda before: replace(before, events=(*before.events, _LATER)), ["event"], id="a new event"),
        pytest.param(
            lambda before: _with(before, "variants", share="49.00%"), ["split"], id="another share was asked for"
        ),
        pytest.param(lambda before: _with(before, "variants", users=700), [], id="a few more users are no news"),
        pytest.param(
            lambda before: _with(before, "objectives", users={"champion": 900, "challenger": 900}),
            ["objective purchase"],
            id="hundreds of users more are worth a new estimate",
        ),
        pytest.param(
            lambda before: _with(before, "objectives", look="1/7", interval="[-1.0%, +1.0%]"),
            ["objective purchase"],
            id="a look",
        ),
        pytest.param(lambda before: _with(before, "guardrails", evidence="1.9"), [], id="evidence within its noise"),
        pytest.param(
            lambda before: _with(before, "guardrails", evidence="12"),
            ["guardrail errors"],
            id="ten times the evidence",
        ),
        pytest.param(lambda before: _with(before, "guardrails", evidence="0"), [], id="no evidence at all"),
        pytest.param(
            lambda before: _with(before, "guardrails", finding="Breached"), ["guardrail errors"], id="a breach"
        ),
        pytest.param(lambda before: _with(before, "checks", status="Waiting"), ["gate Route"], id="a gate closed"),
        pytest.param(lambda before: _with(before, "checks", message="it is open"), [], id="the same gate in new words"),
        pytest.param(
            lambda before: replace(
                before, status=before.status | {"decision": {"verdict": "Promote", "reason": "Won"}}
            ),
            ["decision"],
            id="another verdict",
        ),
    ],
)
def test_a_change_is_told_once_and_growing_numbers_are_not(after, topics):
    before = scene("running")
    assert [fact.topic for fact in news(before, after(before))] == topics
    assert news(after(before), after(before)) == ()


def test_events_are_told_in_their_order_and_before_what_they_led_to():
    told = news(scene("running"), scene("promoted"))
    assert [fact.text.split(":")[0] for fact in told if fact.topic == "event"] == [
        "Normal ChallengerBetter",
        "Normal Promoted",
    ]
    assert [fact.topic for fact in told][:3] == ["event", "event", "phase"]


def test_the_conclusion_has_the_verdict_the_reason_the_numbers_the_risk_and_the_next_steps():
    told = conclusion(scene("promoted"))
    assert [fact.topic for fact in told] == ["decision", "why", "numbers", "risk", "next", "next"]
    assert told[1].text.startswith("at look 4/7 purchase of v8 was +41.4% [+14.2%, +75.1%]")


def test_the_reason_is_not_told_twice_as_a_number():
    assert [fact.topic for fact in conclusion(scene("rolled_back"))] == ["decision", "why", "risk", "next", "next"]


_SEEN = ["requests", "users met", "model errors", "gateway errors", "moved users"]


@pytest.mark.parametrize(
    ("name", "topics"),
    [
        pytest.param("champion_kept", _SEEN, id="one that never broke"),
        pytest.param("rolled_back", [*_SEEN, "harm"], id="one that did"),
    ],
)
def test_the_harm_is_told_where_there_was_any(name, topics):
    assert [fact.topic for fact in users_side(scene(name), challenger="v8")] == topics


def test_the_harm_lasts_from_the_first_bad_answer_to_the_last_answer_of_the_challenger():
    harmed = Numbers(first_broken=100.0, last_served={"v7": 130.0, "v8": 103.2})
    told = users_side(Scene(numbers=harmed), challenger="v8")
    assert told[-1].text == "3.2 s from the first bad answer of v8 to its last answer to any user"


def test_users_who_move_by_promotion_are_not_counted_as_moved():
    promoted = scene("promoted")  # the history enters Promoting at 23:15:19
    moves = Numbers(moved={"1795389318": 2, "1795389319": 300, "1795389320": 400})
    told = _told([*users_side(replace(promoted, numbers=moves), challenger="v8"), traffic(Scene(numbers=moves))])
    assert told["moved users"] == "2 met both variants while the split was open"
    assert "702 users moved" in told["traffic"]


def _drawn(shown, *, width=120):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(panel(shown, title="experiment shop/ranker", seconds=12.3))
    return console.file.getvalue()


@pytest.mark.parametrize("name", ["starting", "running", "looked", "promoted", "rolled_back", "champion_kept"])
def test_the_panel_shows_every_fact_the_traffic_and_the_last_events(name):
    shown = scene(name)
    drawn = _drawn(shown, width=250)
    for fact in (*facts(shown), traffic(shown)):
        assert f"{fact.topic:<20}  {fact.text}" in drawn
    for event in shown.events[-4:]:
        assert f"{event.type} {event.reason}: {event.message[:60]}" in drawn
    assert "12 s, not for production" in drawn


def test_the_panel_fits_a_terminal_of_120_columns_and_30_rows():
    rows = _drawn(scene("promoted")).splitlines()
    assert max(map(len, rows)) <= 120
    assert len(rows) <= 30


def test_a_bracket_is_text_and_not_markup():
    event = Event("Normal", "Odd", "[red]not a colour[/red] [+1.0%, +2.0%]")
    assert "[red]not a colour[/red] [+1.0%, +2.0%]" in _drawn(Scene(events=(event,)))


def test_a_line_has_the_time_the_topic_and_the_text():
    assert line(Fact("phase", None, "Running"), seconds=1.26) == "    1.3 s  phase                Running"


def test_a_paragraph_hangs_below_its_topic():
    rows = paragraph(Fact("why", None, "word " * 40)).splitlines()
    assert rows[0].startswith("  why             word")
    assert all(row.startswith(" " * 18 + "word") for row in rows[1:])
    assert max(map(len, rows)) <= 110

"""Shadow experiments from the first copy to the verdict, on real parts, while users meet the champion alone."""

import random
import time
from itertools import count

import pytest
from aiohttp import web

from given.experiments import install_definition, route_manifest
from given.mirroring import compared, shadow
from given.stages import phase_is, ready, staged
from given.traffic import once_served

RATE = 100
PLANTED = {"maximumDivergence": "5%", "minimumPairs": 300, "repeatChampion": 25}
SHORT = {"minimumDuration": "5s", "maximumDuration": "2m"}


@pytest.fixture
def comparator(control_plane, namespace, tmp_path):
    install_definition(control_plane)
    with compared(control_plane, tmp_path, routes_from=namespace) as found:
        control_plane.api.create(found.objects["ReferenceGrant"])
        yield found


@pytest.fixture
def stage(control_plane, namespace, model_server, comparator, tmp_path):
    servers = [model_server(f"ranker-{variant}") for variant in ("v7", "v8")]
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    once_served(f"{control_plane.gateway}/{namespace}")
    with staged(control_plane, namespace, servers, tmp_path, comparator=comparator.running.service) as stage:
        yield stage


def score(value=lambda: 1.0):
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"score": value()})

    return answer


def differing(percent):
    """Another score in so many percent of the answers, spread evenly."""
    numbers = count()
    return score(lambda: 2.0 if (number := next(numbers)) * percent // 100 < (number + 1) * percent // 100 else 1.0)


def noisy(percent, seed):
    """Another score in so many percent of the answers, by chance: a model that does not even agree with itself."""
    chance = random.Random(seed)
    return score(lambda: 1.0 + (chance.random() * 100 < percent) * chance.random())


def users(stage):
    """Users at a steady rate, who buy nothing."""
    return stage.shoppers(purchases={"v7": 0}, rate=RATE)


STORIES = [
    pytest.param(score(), score(), "Pass", "AnswersAlike", id="no answer differs"),
    pytest.param(score(), differing(8), "Fail", "AnswersDiffer", id="8 % of the answers differ"),
    pytest.param(
        noisy(5, "v7"), noisy(5, "v8"), "Inconclusive", "ChampionNoisy", id="so does the champion from itself"
    ),
]


@pytest.mark.parametrize(("champion", "challenger", "verdict", "reason"), STORIES)
def test_users_meet_the_champion_alone_and_the_verdict_is_right(stage, champion, challenger, verdict, reason):
    stage.champion.answer, stage.challenger.answer = champion, challenger
    assert judged(stage) == (verdict, reason)
    assert stage.own_route() is None


def judged(stage, **changes):
    """The verdict and its reason; until then users notice nothing."""
    with users(stage) as shoppers:
        stage.apply(analysis=SHORT, **shadow(**PLANTED), **changes)
        decision = stage.wait_for(phase_is("Concluded"), seconds=180)["decision"]
        time.sleep(1)
    assert not shoppers.traffic.errors
    assert {variant for *_, variant in shoppers.traffic.answers} == {"", "v7"}
    return decision["verdict"], decision["reason"]


def test_without_a_comparator_it_waits_and_says_what_to_install(control_plane, namespace, model_server, tmp_path):
    install_definition(control_plane)
    servers = [model_server(f"ranker-{variant}") for variant in ("v7", "v8")]
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    with staged(control_plane, namespace, servers, tmp_path) as stage:
        stage.apply(analysis=SHORT, **shadow())
        status = stage.wait_for(lambda status: ready(status) == ("False", "ComparatorMissing"))
        assert "comparator.enabled=true in the operator's chart" in status["conditions"][0]["message"]
        assert stage.own_route() is None


def test_a_grant_that_is_taken_away_parks_the_route_and_users_meet_the_champion_again(stage, comparator, measured):
    stage.champion.answer = stage.challenger.answer = score()
    with users(stage) as shoppers:
        stage.apply(analysis={**SHORT, "minimumDuration": "1m"}, **shadow(**PLANTED))
        stage.wait_for(phase_is("Running"))
        time.sleep(2)
        assert not shoppers.traffic.errors
        begun = time.time()
        stage.plane.api.delete(comparator.objects["ReferenceGrant"])
        stage.wait_for(lambda status: ready(status)[1] == "ComparatorNotPermitted")
        time.sleep(2)
        settled = time.time()
        time.sleep(2)
    bad = [sent for sent, _, status, _ in shoppers.traffic.answers if status != 200]
    assert set(shoppers.traffic.errors) <= {500, 503}  # the gateway's own: first the mirror is gone, then the rule
    assert not [sent for sent in bad if sent > settled]
    last = max(bad, default=begun) - begun
    measured(f"Envoy Gateway: a grant taken away cost {len(bad)} requests of {RATE}/s, the last {last:.2f} s after it")

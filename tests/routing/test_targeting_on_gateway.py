"""Who may enter, on the real Envoy Gateway: by headers and with a holdout, every user where predicted."""

import pytest

from given.experiments import route_manifest
from given.proofs import ON_GATEWAY
from given.traffic import Traffic, once_served
from model_experiment.assignment import HOLDOUT, assign, modulus_for
from model_experiment.decision.route import Absent, Open
from model_experiment.decision.splits import promotion_of
from routing.journeys import live, under_load
from routing.test_on_gateway import USERS, walker_for

TARGETING = {
    "headers": [{"name": "x-region", "value": "eu"}, {"name": "x-plan", "pattern": "pro|team"}],
    "holdoutPercent": 20,
}
MAY_ENTER = {"x-region": "eu", "x-plan": "team"}
MAY_NOT = [{}, {"x-region": "eu"}, {"x-region": "EU", "x-plan": "pro"}, {"x-region": "eu", "x-plan": "prodigy"}]


@pytest.fixture
def champion(control_plane, namespace, model_server):
    model_server("ranker-v8")
    server = model_server("ranker-v7")
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=f"/{namespace}"))
    return server


@pytest.fixture
def url(control_plane, namespace, champion):
    assert champion.port
    return once_served(f"{control_plane.gateway}/{namespace}")


def split(walker, percent, reached=None):
    modulus, holdout = modulus_for(walker.experiment.uid), TARGETING["holdoutPercent"]
    return assign(modulus=modulus, champion="v7", challengers={"v8": percent}, reached=reached, holdout=holdout)


def told(assignment, user):
    """The variant that an answer names; none for those who are held out."""
    variant = assignment.variant(user)
    return "" if variant == HOLDOUT else variant


async def enter(walker, traffic):
    """Grows to half of those who may enter: everybody is where predicted, and the same users are held out."""
    exposed, outside = set(), None
    for reached in (1, 10, 50):
        assignment = split(walker, 50, reached)
        await walker.walk_to(Open(assignment))
        seen = await traffic.ask_each(USERS)
        assert seen == {user: told(assignment, user) for user in USERS}
        met, held_out = ({user for user in USERS if seen[user] == variant} for variant in ("v8", ""))
        assert exposed <= met
        assert outside in (None, held_out)
        exposed, outside = met, held_out
    for headers in MAY_NOT:
        assert set((await Traffic(traffic.url, [], headers=headers).ask_each(USERS[:200])).values()) == {""}


@pytest.mark.proves("targeting and holdout", on=ON_GATEWAY)
async def test_whoever_may_enter_meets_the_predicted_variant_and_nobody_else_enters(control_plane, namespace, url):
    traffic = Traffic(url, USERS, headers=MAY_ENTER)
    async with walker_for(control_plane, namespace, targeting=TARGETING) as walker:
        await enter(walker, traffic)
        promotion = promotion_of(split(walker, 50), "v8")
        await walker.walk_to(Open(promotion))
        assert set((await traffic.ask_each(USERS[:500])).values()) == {"v8"}
        await walker.walk_to(Absent())
    assert not traffic.errors


async def test_a_life_with_a_holdout_gives_no_client_error(control_plane, namespace, url):
    traffic = Traffic(url, USERS[:5000], headers=MAY_ENTER)
    async with walker_for(control_plane, namespace, targeting=TARGETING) as walker, under_load(traffic, 200):
        await live(walker, split(walker, 50), pause=1)
    assert not traffic.errors


async def test_of_those_who_are_held_out_nobody_says_a_variant_whatever_they_send(
    control_plane, namespace, url, champion
):
    forged = {**MAY_ENTER, "x-variant": "v8", "x-experiment": "other/one"}
    async with walker_for(control_plane, namespace, targeting=TARGETING) as walker:
        assignment = split(walker, 50)
        await walker.walk_to(Open(assignment))
        champion.requests.clear()
        outsiders = [user for user in USERS if assignment.variant(user) == HOLDOUT][:50]
        assert set((await Traffic(url, [], headers=forged).ask_each(outsiders)).values()) == {""}
        await walker.walk_to(Absent())
    assert len(champion.requests) == 50
    assert not [headers for headers in champion.requests if {"x-variant", "x-experiment"} & headers.keys()]

"""Who may enter, on a real istiod and its Envoy: by headers and with a holdout, every user where predicted."""

from contextlib import contextmanager

import pytest

from given.proofs import ON_ISTIO
from given.traffic import Traffic, once_served
from model_experiment.decision.route import Open
from model_experiment.decision.splits import promotion_of
from routing.journeys import live, under_load
from routing.test_on_istio import USERS, rules, walker_for
from routing.test_targeting_on_gateway import MAY_ENTER, TARGETING, enter, split
from routing.virtual_services import user_virtual_service


@contextmanager
def serving(control_plane, istio, namespace, model_server):
    """Both models behind the user's VirtualService, as long as the block lasts; gives its address."""
    for variant in ("v7", "v8"):
        model_server(f"ranker-{variant}")
        control_plane.create_service_entry(namespace, f"ranker-{variant}")
    manifest = user_virtual_service(*rules(namespace), namespace=namespace, gateways=[istio.gateway])
    control_plane.api.create(manifest)
    yield once_served(f"{istio.url}/{namespace}")
    control_plane.api.delete(manifest)


@pytest.fixture
def url(control_plane, istio, namespace, model_server):
    with serving(control_plane, istio, namespace, model_server) as found:
        yield found


@pytest.mark.proves("targeting and holdout", on=ON_ISTIO)
async def test_whoever_may_enter_meets_the_predicted_variant_and_nobody_else_enters(
    control_plane, istio, namespace, url
):
    traffic = Traffic(url, USERS, headers=MAY_ENTER)
    async with walker_for(control_plane, istio, namespace, targeting=TARGETING) as walker:
        await enter(walker, traffic)
        await walker.walk_to(Open(promotion_of(split(walker, 50), "v8")))
        assert set((await traffic.ask_each(USERS[:500])).values()) == {"v8"}
    assert not traffic.errors


async def test_a_life_with_a_holdout_gives_no_client_error(control_plane, istio, namespace, url):
    traffic = Traffic(url, USERS[:5000], headers=MAY_ENTER)
    async with walker_for(control_plane, istio, namespace, targeting=TARGETING) as walker, under_load(traffic, 200):
        await live(walker, split(walker, 50), pause=1)
    assert not traffic.errors

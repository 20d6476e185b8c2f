"""Four challengers on both real meshes: everybody where predicted, and nobody ever between two challengers."""

import pytest

from given.experiments import route_manifest
from given.proofs import ON_GATEWAY, ON_ISTIO
from given.traffic import Traffic, once_served
from model_experiment.assignment import modulus_for
from model_experiment.decision.route import Absent, Open
from model_experiment.decision.splits import promotion_of, split_of
from routing.test_on_gateway import walker_for
from routing.test_on_istio import rules
from routing.test_on_istio import walker_for as walker_on_istio
from routing.virtual_services import user_virtual_service

USERS = [f"user-{number}" for number in range(20_000)]
NAMES = ("v8", "v9", "v10", "v11")
CHALLENGERS = [
    {"name": name, "backendRef": {"name": f"ranker-{name}", "port": 8000}, "percent": percent}
    for name, percent in zip(NAMES, (5, 10, 20, 25), strict=True)
]
RAMP = [{"percent": 6, "hold": "1h"}, {"percent": 30, "hold": "1h"}]


async def walk_the_ramp(walker, traffic):
    """Through every step to the full split, to a promotion of one, and away."""
    experiment = walker.experiment
    met = {}
    for stage in range(len(RAMP) + 1):
        split = split_of(experiment, modulus_for(experiment.uid), stage=stage)
        await walker.walk_to(Open(split))
        seen = await traffic.ask_each(USERS)
        assert seen == {user: split.variant(user) for user in USERS}
        assert all(seen[user] == variant for user, variant in met.items())
        met = {user: variant for user, variant in seen.items() if variant != "v7"}
    assert set(met.values()) == set(NAMES)
    await walker.walk_to(Open(promotion_of(split, "v10")))
    assert set((await traffic.ask_each(USERS[:2000])).values()) == {"v10"}
    await walker.walk_to(Absent())
    assert not traffic.errors


@pytest.fixture
def models(model_server):
    return [model_server(f"ranker-{name}") for name in ("v7", *NAMES)]


@pytest.mark.usefixtures("models")
@pytest.mark.proves("four challengers through a ramp, nobody between two of them", on=ON_GATEWAY)
async def test_four_challengers_keep_their_users_through_a_ramp_on_envoy_gateway(control_plane, namespace):
    path = f"/{namespace}"
    control_plane.api.create(route_manifest(namespace, control_plane.gateway_ref, path=path))
    async with walker_for(control_plane, namespace, challengers=CHALLENGERS, ramp=RAMP) as walker:
        await walk_the_ramp(walker, Traffic(once_served(control_plane.gateway + path), USERS))


@pytest.fixture
def url_on_istio(control_plane, istio, namespace, models):
    """The user's VirtualService, once its champion serves."""
    assert istio.url, "Istio has brought its definitions"
    for model in models:
        control_plane.create_service_entry(namespace, model.name)
    manifest = user_virtual_service(*rules(namespace), namespace=namespace, gateways=[istio.gateway])
    control_plane.api.create(manifest)
    yield once_served(f"{istio.url}/{namespace}")
    control_plane.api.delete(manifest)


@pytest.mark.proves("four challengers through a ramp, nobody between two of them", on=ON_ISTIO)
async def test_four_challengers_keep_their_users_through_a_ramp_on_istio(control_plane, istio, namespace, url_on_istio):
    async with walker_on_istio(control_plane, istio, namespace, challengers=CHALLENGERS, ramp=RAMP) as walker:
        await walk_the_ramp(walker, Traffic(url_on_istio, USERS))

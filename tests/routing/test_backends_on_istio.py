"""Backends of other kinds, and backends that are not there, on a real istiod and its Envoy."""

from contextlib import ExitStack, contextmanager

import pytest

from given.model_serving import behind_in_mesh, inference_service, two_inference_services, write
from given.proofs import ON_ISTIO
from given.traffic import once_served
from given.watchers import Watchers
from model_experiment.decision.route import Open
from routing.test_on_istio import rules, split, walker_for
from routing.virtual_services import user_virtual_service

SERVED = {("v7", 200, "v7"), ("v8", 200, "v8")}


@contextmanager
def serving_both(control_plane, istio, namespace, *services, port):
    """Two Services with one endpoint each, and the user's route to the first."""
    route = [{"destination": {"host": services[0], "port": {"number": port}}}]
    users = user_virtual_service(*rules(namespace, route=route), namespace=namespace, gateways=[istio.gateway])
    with ExitStack() as stack:
        endpoints = [stack.enter_context(behind_in_mesh(control_plane, namespace, s, port=port)) for s in services]
        control_plane.api.create(users)
        stack.callback(control_plane.api.delete, users)
        once_served(f"{istio.url}/{namespace}")
        yield endpoints


@pytest.fixture
def endpoints(control_plane, istio, namespace):
    with serving_both(control_plane, istio, namespace, "ranker-v7", "ranker-v8", port=8000) as found:
        yield dict(zip(("v7", "v8"), found, strict=True))


@pytest.fixture
def inference_services(control_plane, istio, namespace, model_serving):
    assert model_serving is None
    for name in ("ranker-v7", "ranker-v8"):
        write(control_plane, inference_service(name, namespace=namespace))
    with serving_both(control_plane, istio, namespace, "ranker-v7-predictor", "ranker-v8-predictor", port=80):
        yield


@pytest.mark.usefixtures("inference_services")
async def test_two_inference_services_are_split_by_our_delegate(control_plane, istio, namespace):
    async with walker_for(control_plane, istio, namespace, **two_inference_services()) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        await Watchers(f"{istio.url}/{namespace}", half).come_to_see(SERVED)


@pytest.mark.parametrize("missing", ["v8", "v7"])
@pytest.mark.proves("a challenger without endpoints: its users alone notice", on=ON_ISTIO)
async def test_without_endpoints_exactly_the_users_of_that_variant_get_503_and_nobody_moves(
    control_plane, istio, namespace, endpoints, missing
):
    (other,) = {"v7", "v8"} - {missing}
    async with walker_for(control_plane, istio, namespace) as walker:
        half = split(walker, 50)
        await walker.walk_to(Open(half))
        watchers = Watchers(f"{istio.url}/{namespace}", half)
        await watchers.come_to_see(SERVED)
        endpoints[missing].take()
        refused = (missing, 503, missing)
        seen = await watchers.come_to_see({(other, 200, other), refused})
        assert seen <= {refused, *SERVED}, "nobody else is affected on the way"
        endpoints[missing].give()
        await watchers.come_to_see(SERVED)

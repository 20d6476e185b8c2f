"""Without a hash, on a real istiod and its Envoy: every user where its position says, no client error, no filter."""

import pytest

from given.proofs import ON_ISTIO
from model_experiment.decision.route import Open
from model_experiment.objects import ENVOY_FILTER
from routing.test_intervals_on_gateway import EACH_WAY, WAYS, Crowd, lives, meets_every_prediction
from routing.test_on_istio import rules, walker_for
from routing.test_targeting_on_istio import serving
from routing.virtual_services import user_virtual_service


@pytest.fixture
def url(control_plane, istio, namespace, model_server):
    with serving(control_plane, istio, namespace, model_server) as found:
        yield found


@EACH_WAY
@pytest.mark.proves("positions without a hash, by header and by suffix", on=ON_ISTIO)
async def test_every_user_meets_the_variant_of_its_position(control_plane, istio, namespace, url, way):
    crowd = Crowd(url, way)
    async with walker_for(control_plane, istio, namespace, assignment=way.assignment) as walker:
        await meets_every_prediction(walker, crowd)
    assert crowd.statuses == {200}


@EACH_WAY
async def test_a_whole_life_gives_no_client_error(control_plane, istio, namespace, url, way):
    crowd = Crowd(url, way)
    changes = {"assignment": way.assignment, "targeting": {"holdoutPercent": 20}}
    async with walker_for(control_plane, istio, namespace, **changes) as walker:
        await lives(walker, crowd)
    assert crowd.statuses == {200}


@pytest.mark.usefixtures("url")
async def test_no_filter_is_made_where_nothing_is_hashed(control_plane, istio, namespace):
    way = WAYS[2]
    async with walker_for(control_plane, istio, namespace, assignment=way.assignment) as walker:
        await walker.walk_to(Open(way.split(50)))
        filters = control_plane.api.call("GET", ENVOY_FILTER.path(namespace=None))["items"]
        assert not [each for each in filters if each["metadata"]["name"].startswith(f"{namespace}.")]


@pytest.fixture
def in_the_mesh(control_plane, istio, namespace, model_server):
    """The user's VirtualService where it is bound to no Gateway."""
    assert istio.url, "Istio has brought its definitions"
    for variant in ("v7", "v8"):
        model_server(f"ranker-{variant}")
        control_plane.create_service_entry(namespace, f"ranker-{variant}")
    manifest = user_virtual_service(*rules(namespace), namespace=namespace, gateways=["mesh"])
    hosts = [f"ranker-v7.{namespace}.svc.cluster.local"]
    control_plane.api.create({**manifest, "spec": {**manifest["spec"], "hosts": hosts}})
    yield
    control_plane.api.delete(manifest)


@pytest.mark.usefixtures("in_the_mesh")
async def test_in_the_mesh_a_delegate_stands_without_any_gateway(control_plane, istio, namespace):
    way = WAYS[2]
    async with walker_for(control_plane, istio, namespace, assignment=way.assignment, settle_seconds=1) as walker:
        assert (await walker.read()).obstacle is None
        await walker.walk_to(Open(way.split(50)))

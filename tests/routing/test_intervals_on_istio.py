"""Without a hash, on a real istiod and its Envoy: every user where its position says, no client error, no filter."""

from model_experiment.decision.route import Open
from model_experiment.objects import ENVOY_FILTER
from routing.test_intervals_on_gateway import EACH_WAY, WAYS, Crowd, lives, meets_every_prediction
from routing.test_on_istio import walker_for
from routing.test_targeting_on_istio import serving


@EACH_WAY
async def test_every_user_meets_the_variant_of_its_position(control_plane, istio, namespace, model_server, way):
    with serving(control_plane, istio, namespace, model_server) as url:
        crowd = Crowd(url, way)
        async with walker_for(control_plane, istio, namespace, assignment=way.assignment) as walker:
            await meets_every_prediction(walker, crowd)
    assert crowd.statuses == {200}


@EACH_WAY
async def test_a_whole_life_gives_no_client_error(control_plane, istio, namespace, model_server, way):
    changes = {"assignment": way.assignment, "targeting": {"holdoutPercent": 20}}
    with serving(control_plane, istio, namespace, model_server) as url:
        crowd = Crowd(url, way)
        async with walker_for(control_plane, istio, namespace, **changes) as walker:
            await lives(walker, crowd)
    assert crowd.statuses == {200}


async def test_no_filter_is_made_where_nothing_is_hashed(control_plane, istio, namespace, model_server):
    way = WAYS[2]
    with serving(control_plane, istio, namespace, model_server):
        async with walker_for(control_plane, istio, namespace, assignment=way.assignment) as walker:
            await walker.walk_to(Open(way.split(50)))
            filters = control_plane.api.call("GET", ENVOY_FILTER.path(namespace=None))["items"]
            assert not [each for each in filters if each["metadata"]["name"].startswith(f"{namespace}.")]

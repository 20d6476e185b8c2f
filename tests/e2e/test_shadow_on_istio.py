"""A whole shadow experiment behind Istio's own gateway, on real parts."""

import pytest

from demo.operator_process import COMPARATOR
from e2e.test_on_istio import ON_ISTIO, staged_on_istio
from e2e.test_shadow import differing, judged, score
from given.mirroring import compared
from routing.virtual_services import user_virtual_service


@pytest.fixture
def stage(control_plane, istio, namespace, model_server, tmp_path):
    with compared(control_plane, tmp_path, routes_from=namespace) as comparator:
        control_plane.create_service_entry(comparator.namespace, COMPARATOR)
        control_plane.api.create(comparator.objects["DestinationRule"])
        settings = {"comparator": comparator.running.service}
        with staged_on_istio(control_plane, istio, namespace, model_server, tmp_path, **settings) as stage:
            yield stage


@pytest.mark.parametrize(
    ("percent", "verdict"), [pytest.param(0, "Pass", id="none"), pytest.param(8, "Fail", id="8 %")]
)
def test_so_many_different_answers_end_as(stage, percent, verdict):
    stage.champion.answer, stage.challenger.answer = score(), differing(percent)
    assert judged(stage, **ON_ISTIO)[0] == verdict
    own = user_virtual_service(name="ranker-mexp", namespace=stage.namespace)
    assert stage.plane.api.get(own) is None

"""The schema of the part ``shadow`` on a real kube-apiserver, in a definition of its own."""

import copy
import secrets

import pytest
from kubernetes import client, config

from api import cluster
from api.bad_objects import Bad
from api.bad_shadows import BAD_SHADOWS
from api.cluster import Experiments, RefusedError
from api.objects import changed
from api.test_shadow import EVERYTHING
from model_experiment.api.parsing import parse_shadow
from model_experiment.api.shadow import Shadow
from model_experiment.api.structural import structural_schema

pytestmark = pytest.mark.cluster

GROUP, VERSION, PLURAL = "shadows.example.org", "v1", "shadows"


def definition():
    shadow = structural_schema(Shadow, path="spec.shadow")
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"shadow": shadow}}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {"kind": "ShadowTrial", "plural": PLURAL, "singular": "shadow"},
            "scope": "Namespaced",
            "versions": [{"name": VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def trial(shadow):
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ShadowTrial",
        "metadata": {"name": "trial"},
        "spec": {"shadow": shadow},
    }


@pytest.fixture(scope="module")
def trials(control_plane):
    with config.new_client_from_config(str(control_plane.kubeconfig)) as connection:
        cluster.install(definition(), connection, group=GROUP, version=VERSION, plural=PLURAL)
        namespace = f"shadow-laws-{secrets.token_hex(4)}"
        client.CoreV1Api(connection).create_namespace({"metadata": {"name": namespace}})
        objects = client.CustomObjectsApi(connection)
        yield Experiments(objects, namespace, group=GROUP, version=VERSION, plural=PLURAL)
        client.CoreV1Api(connection).delete_namespace(namespace)


@pytest.mark.parametrize("bad", BAD_SHADOWS)
def test_a_bad_shadow_is_refused_with_a_sentence_at_its_path(trials, bad: Bad):
    path, sentence = bad.on_server

    with pytest.raises(RefusedError) as refusal:
        trials.create(trial(changed(bad.changes)["spec"]["shadow"]))

    assert any(f"{path}: " in line and sentence in line for line in str(refusal.value).split("\n")), str(refusal.value)
    assert "evaluation error" not in str(refusal.value)


LONGEST = copy.deepcopy(EVERYTHING) | {
    "replay": [{"method": "POST", "path": "/" + "a" * 199}] * 20,
    "outputs": [{"name": f"o{n}" + "x" * 60, "path": "/" + "b" * 199, "exact": {}} for n in range(10)],
    "ignore": ["/" + "c" * 199] * 20,
    "timeout": "4m59s999ms",
    "championTimeout": "5m",
}


@pytest.mark.parametrize("shadow", [{}, EVERYTHING, LONGEST], ids=["nothing said", "everything said", "longest"])
def test_a_good_shadow_is_stored_with_the_defaults_of_the_models(trials, shadow):
    stored = trials.create(trial(shadow))["spec"]["shadow"]

    assert stored == parse_shadow(shadow).model_dump(mode="json", by_alias=True, exclude_none=True)

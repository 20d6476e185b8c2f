"""The generated CRD on a real kube-apiserver: it refuses what this package refuses, at the same path."""

import re
import secrets
from decimal import Decimal

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kubernetes import client, config

from api import cluster
from api.bad_objects import BAD_NAMES, BAD_SPECS, BEYOND_THE_SERVER, Bad
from api.bad_shadows import BAD_SHADOWS
from api.cluster import Experiments, RefusedError
from api.objects import MINIMAL, changed, good_files
from model_experiment.api.conditions import Condition
from model_experiment.api.crd import FROZEN, ROUTING_FROZEN, custom_resource_definition
from model_experiment.api.parsing import parse_spec
from model_experiment.api.spec import GROUP, PLURAL, VERSION
from model_experiment.api.status import parse_status
from model_experiment.errors import SpecError

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def experiments(control_plane):
    with config.new_client_from_config(str(control_plane.kubeconfig)) as connection:
        cluster.install(custom_resource_definition(), connection)
        namespace = f"api-laws-{secrets.token_hex(4)}"
        client.CoreV1Api(connection).create_namespace({"metadata": {"name": namespace}})
        yield Experiments(client.CustomObjectsApi(connection), namespace)
        client.CoreV1Api(connection).delete_namespace(namespace)


@pytest.fixture
def stored(experiments):
    yield experiments.create(MINIMAL, keep=True)
    experiments.delete(MINIMAL["metadata"]["name"])


@pytest.mark.parametrize("bad", [*BAD_SPECS, *BAD_SHADOWS, *BAD_NAMES])
def test_a_bad_object_is_refused_with_a_sentence_at_its_path(experiments, bad: Bad):
    path, sentence = bad.on_server

    with pytest.raises(RefusedError) as refusal:
        experiments.create(changed(bad.changes))

    assert any(f"{path}: " in line and sentence in line for line in str(refusal.value).split("\n")), str(refusal.value)
    assert "evaluation error" not in str(refusal.value)


@pytest.mark.parametrize("bad", BEYOND_THE_SERVER)
def test_what_only_the_operator_can_see_is_taken(experiments, bad: Bad):
    experiments.create(changed(bad.changes))


@pytest.mark.parametrize("file", good_files(), ids=lambda file: file.stem)
def test_a_good_object_is_stored_with_the_defaults_of_the_models(experiments, file):
    thing = yaml.safe_load(file.read_text())

    stored = experiments.create(thing)["spec"]

    spec = parse_spec(thing["spec"])
    assert parse_spec(stored) == spec
    assert quoted(stored) == spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def quoted(spec):
    """The stored spec with its unquoted probabilities as texts; nothing else in a spec may be a float."""
    match spec:
        case dict():
            return {key: quoted(value) for key, value in spec.items()}
        case list():
            return [quoted(value) for value in spec]
        case float():
            return format(Decimal(repr(spec)), "f")
        case _:
            return spec


def test_a_new_object_waits_for_the_operator(experiments, stored):
    assert experiments.read("ranker")["status"] == {
        "observedGeneration": -1,
        "phase": "Pending",
        "conditions": [
            {
                "type": "Ready",
                "status": "Unknown",
                "reason": "Pending",
                "message": "Waiting for the operator",
                "lastTransitionTime": "1970-01-01T00:00:00Z",
            }
        ],
    }
    assert parse_status(stored["status"]) == parse_status(None)


def test_a_status_given_at_creation_is_ignored(experiments):
    created = experiments.create(MINIMAL | {"status": {"phase": "Promoted", "startTime": "2026-11-01T00:00:00Z"}})

    assert created["status"]["phase"] == "Pending"
    assert "startTime" not in created["status"]


def test_a_spec_may_change_until_the_experiment_starts(experiments, stored):
    stored["spec"]["challengers"][0]["percent"] = 10

    assert experiments.replace(stored)["spec"]["challengers"][0]["percent"] == 10


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec.challengers[0].percent", 10, id="the split"),
        pytest.param("spec.objectives[0].baseline", "0.21", id="a number without a type"),
        pytest.param("spec.analysis.alpha", 0.01, id="a number without a type that was a default"),
        pytest.param("spec.onSuccess", "Report", id="what success leads to"),
    ],
)
def test_a_spec_must_not_change_after_the_start(experiments, stored, path, value):
    started = experiments.replace_status(stored | {"status": stored["status"] | {"startTime": "2026-11-01T00:00:00Z"}})
    other = started | {"spec": changed({path: value})["spec"]}

    with pytest.raises(RefusedError) as refusal:
        experiments.replace(other)

    assert f"spec: Invalid value: {FROZEN}" in re.sub(r'"\{.*\}": |"object": ', "", str(refusal.value))


PREPARED = {"unit": "User", "header": "x-user-id", "modulus": 101, "shares": []}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec.routing.httpRoute.name", "other", id="another route"),
        pytest.param("spec.routing.ownership", "Shared", id="another owner"),
    ],
)
def test_the_route_must_not_change_once_it_is_prepared(experiments, stored, path, value):
    prepared = experiments.replace_status(stored | {"status": stored["status"] | {"assignment": PREPARED}})

    with pytest.raises(RefusedError) as refusal:
        experiments.replace(prepared | {"spec": changed({path: value})["spec"]})

    assert f"spec.routing: Invalid value: {ROUTING_FROZEN}" in re.sub(r'"\{.*\}": |"object": ', "", str(refusal.value))
    other = changed({"spec.challengers[0].percent": 10})["spec"]
    assert experiments.replace(prepared | {"spec": other})["spec"]["challengers"][0]["percent"] == 10


def test_the_route_may_change_before_it_is_prepared(experiments, stored):
    stored["spec"]["routing"]["httpRoute"]["name"] = "other"

    assert experiments.replace(stored)["spec"]["routing"]["httpRoute"]["name"] == "other"


def test_labels_and_finalizers_may_change_after_the_start(experiments, stored):
    started = experiments.replace_status(stored | {"status": stored["status"] | {"startTime": "2026-11-01T00:00:00Z"}})
    started["metadata"]["labels"] = {"team": "search"}

    assert experiments.replace(started)["metadata"]["labels"] == {"team": "search"}


def test_a_full_status_comes_back_as_it_was_written(experiments, stored, full_status):
    experiments.replace_status(stored | {"status": full_status.to_json()})

    assert parse_status(experiments.read("ranker")["status"]) == full_status


def test_kubectl_get_shows_where_an_experiment_stands(experiments, stored, full_status, control_plane):
    experiments.replace_status(stored | {"status": full_status.to_json()})

    path = f"/apis/{GROUP}/{VERSION}/namespaces/{experiments.namespace}/{PLURAL}/ranker"
    as_kubectl = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
    table = control_plane.api.session.get(control_plane.api.server + path, headers=as_kubectl, timeout=5).json()

    names = [column["name"] for column in table["columnDefinitions"]]
    shown = dict(zip(names, table["rows"][0]["cells"], strict=True))
    del shown["Age"]
    assert shown == {
        "Name": "ranker",
        "Strategy": "ABTest",
        "Phase": "Concluded",
        "Share": "0.00%",
        "Verdict": "KeepChampion",
        "Ready": "Unknown",
        "Reason": "Pending",
    }


def test_a_status_without_a_known_condition_is_refused(experiments, stored):
    condition = Condition(
        type="Ready", status="True", reason="Running", message="", last_transition_time="2026-11-01T00:00:00Z"
    ).model_dump(mode="json", by_alias=True, exclude_none=True)

    with pytest.raises(RefusedError, match="Unsupported value"):
        experiments.replace_status(stored | {"status": {"conditions": [condition | {"type": "Happy"}]}})


TEXTS = {
    "spec.champion.name": st.from_regex(r"\A[-a-zA-Z0-9.]{0,5}\Z"),
    "spec.routing.httpRoute.name": st.from_regex(r"\A[-a-z0-9./]{0,6}\Z"),
    "spec.assignment.header": st.from_regex(r"\A[-a-zA-Z0-9 ]{0,4}\Z"),
    "spec.champion.backendRef.group": st.from_regex(r"\A[-a-z0-9.]{0,5}\Z"),
    "spec.objectives[0].minimumEffect": st.from_regex(r"\A[0-9]{0,4}([.][0-9]{0,3})?%?\Z"),
    "spec.analysis.maximumDuration": st.from_regex(
        r"\A([0-9]{1,4}w)?([0-9]{1,3}d)?([0-9]{1,6}h)?([0-9]{1,3}(m|ms))?\Z"
    ),
}
DECIMALS = st.from_regex(r"\A[01]?[.]?[0-9]{0,5}\Z") | st.decimals(-1, 2, places=3).map(str)
NUMBERS = st.floats(-1, 2) | st.integers(-1, 3) | st.floats(allow_nan=False, allow_infinity=False)
PROBABILITIES = ("spec.objectives[0].baseline", "spec.analysis.alpha", "spec.analysis.power")
VALUES = st.one_of(
    *(st.tuples(st.just(path), texts) for path, texts in TEXTS.items()),
    st.tuples(st.sampled_from(PROBABILITIES), DECIMALS | NUMBERS),
    st.tuples(st.sampled_from([*TEXTS, *PROBABILITIES]), st.text(max_size=5) | st.booleans() | NUMBERS),
    st.tuples(st.just("spec.challengers[0].percent"), NUMBERS | st.integers(-5, 105) | st.booleans()),
)


@settings(max_examples=400, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES)
def test_the_api_server_takes_exactly_the_values_that_the_models_take(experiments, value):
    thing = changed({value[0]: value[1], "spec.objectives[0].better": "Higher"})

    assert is_taken_by_models(thing) == is_taken_by_server(experiments, thing)


def is_taken_by_models(thing):
    try:
        parse_spec(thing["spec"])
    except SpecError as error:
        return "must change the baseline" in str(error)  # the one law that the server cannot check
    return True


def is_taken_by_server(experiments, thing):
    try:
        experiments.create(thing)
    except RefusedError:
        return False
    return True

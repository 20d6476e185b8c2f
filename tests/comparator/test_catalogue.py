"""Which experiments are compared."""

import pytest

from comparator.shadowing import experiment, manifest
from model_experiment.api.variants import BackendRef
from model_experiment.assignment import Assignment, Share, modulus_for
from model_experiment.comparator.backends import Services
from model_experiment.comparator.catalogue import shadowed_from


def test_an_experiment_is_read_with_what_it_declares():
    found = experiment(timeout="1s", outputs=[{"name": "score", "path": "/a~1b/0", "number": {}}], ignore=["/*/t"])
    assert (found.label, found.uid, found.variants, found.header) == (
        "shop/ranker",
        "5e1f-1",
        ("v7", "v8"),
        "x-user-id",
    )
    assert (found.shadow.timeout, found.latency_limits) == ("1s", ("1s",))
    assert [(output.name, steps) for output, steps in found.rules.outputs] == [("score", ("a/b", "0"))]
    assert found.rules.ignored == (("*", "t"),)


def test_an_experiment_of_another_strategy_is_not_compared():
    other = manifest()
    other["spec"]["strategy"] = "ABTest"
    assert shadowed_from(other) is None
    del other["spec"]["strategy"]
    assert shadowed_from(other) is None


def test_what_a_newer_operator_knows_is_no_reason_not_to_compare():
    newer = manifest()
    newer["spec"] |= {"objectives": [], "horizon": {"a": 1}}
    assert shadowed_from(newer) == experiment()


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        pytest.param(
            ("spec", "shadow"), {"percent": 0}, "spec.shadow.percent: must be a whole number", id="a bad field"
        ),
        pytest.param(("spec", "shadow"), {"percents": 1}, "must be a known field", id="an unknown field"),
        pytest.param(
            ("spec", "challengers"), [], "spec.challengers: must have 1 to 4 items, found 0", id="no challenger"
        ),
        pytest.param(("metadata",), {"name": "ranker"}, "KeyError: 'uid'", id="no UID"),
        pytest.param(("spec",), None, "AttributeError", id="no spec"),
    ],
)
def test_an_experiment_that_cannot_be_read_says_why(path, value, sentence):
    broken = manifest()
    owner = broken if len(path) == 1 else broken[path[0]]
    owner[path[-1]] = value
    with pytest.raises(ValueError, match=sentence):
        shadowed_from(broken)


def test_a_user_has_the_bucket_that_an_assignment_of_this_experiment_gives():
    found = experiment()
    modulus = modulus_for(found.uid)
    assignment = Assignment(modulus, (Share("v7", modulus),))
    assert [found.bucket(f"u-{n}") for n in range(50)] == [assignment.bucket(f"u-{n}") for n in range(50)]


def test_a_backend_is_found_by_the_name_of_its_service():
    services = Services("svc.cluster.local")
    assert services.url("shop", BackendRef(name="ranker-v7", port=80)) == "http://ranker-v7.shop.svc.cluster.local:80"
    assert services.url("shop", BackendRef(group="gateway.envoyproxy.io", kind="Backend", name="x")) is None

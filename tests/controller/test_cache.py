"""The newest known version of each object, whatever the order in which versions arrive."""

import pytest

from model_experiment.controller.cache import Cache
from model_experiment.objects import HTTP_ROUTE, SECURITY_POLICY


def version(number, *, uid="first", name="ranker", namespace="shop"):
    return {"metadata": {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": str(number)}}


def replay(*events):
    """A cache after these (what happened, version) and everything that its listener heard."""
    cache, heard = Cache((SECURITY_POLICY,)), []
    cache.on_change = lambda _kind, manifest: heard.append(manifest)
    for method, manifest in events:
        getattr(cache, method)(HTTP_ROUTE, manifest)
    return cache.get(HTTP_ROUTE, "shop", "ranker"), heard


REMEMBER, FORGET = "remember", "forget"
AGAIN = version(12, uid="second")
HISTORIES = [
    pytest.param([(REMEMBER, 9), (REMEMBER, 10)], 10, [9, 10], id="a newer version replaces an older one, as a number"),
    pytest.param([(REMEMBER, 10), (REMEMBER, 9)], 10, [10], id="an older version never replaces a newer one"),
    pytest.param([(REMEMBER, 10), (REMEMBER, 10)], 10, [10], id="the same version is no change"),
    pytest.param([(REMEMBER, 10), (FORGET, 11)], None, [10, 11], id="a deleted object is gone"),
    pytest.param([(FORGET, 11)], None, [], id="the deletion of something unknown is no change"),
    pytest.param([(REMEMBER, 10), (FORGET, 11), (REMEMBER, 10)], None, [10, 11], id="a late event brings nothing back"),
    pytest.param([(FORGET, 11), (REMEMBER, 10)], None, [], id="nor does one that was never seen before"),
    pytest.param([(REMEMBER, 10), (FORGET, 9)], None, [10, 9], id="our own deletion counts, in whatever version"),
]


@pytest.mark.parametrize(("events", "held", "heard"), HISTORIES)
def test_of_one_object(events, held, heard):
    found, changes = replay(*[(method, version(number)) for method, number in events])
    assert found == (version(held) if held else None)
    assert changes == [version(number) for number in heard]


def test_a_new_object_of_the_same_name_replaces_the_old_one():
    found, _ = replay((REMEMBER, version(10)), (REMEMBER, AGAIN))
    assert found == AGAIN


def test_a_late_deletion_of_the_old_object_leaves_the_new_one():
    found, changes = replay((REMEMBER, version(10)), (REMEMBER, AGAIN), (FORGET, version(11)))
    assert found == AGAIN
    assert changes == [version(10), AGAIN]


def test_a_new_object_of_the_same_name_comes_after_a_deletion():
    found, _ = replay((REMEMBER, version(10)), (FORGET, version(11)), (REMEMBER, AGAIN), (REMEMBER, version(10)))
    assert found == AGAIN


def test_deletions_are_not_remembered_for_ever():
    cache = Cache(())
    for number in range(5000):
        cache.forget(HTTP_ROUTE, version(number, uid=str(number)))
    assert len(cache._deleted) == 1000


def test_objects_are_told_apart_by_kind_namespace_and_name():
    cache = Cache((SECURITY_POLICY,))
    cache.prime(HTTP_ROUTE, [version(1), version(2, name="other"), version(3, namespace="lab")])
    cache.prime(SECURITY_POLICY, [version(4)])
    assert [route["metadata"]["resourceVersion"] for route in cache.all(HTTP_ROUTE)] == ["1", "2", "3"]
    assert cache.get(SECURITY_POLICY, "shop", "ranker") == {"kind": "SecurityPolicy", **version(4)}
    assert cache.get(SECURITY_POLICY, "shop", "other") is None

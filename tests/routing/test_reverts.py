"""When to write again what somebody undoes, and when to give in."""

import pytest

from model_experiment.routing.reverts import Reverts


def contested(*times):
    """Reverts at these times, and the clock by which it is asked."""
    now = [0.0]
    reverts = Reverts(lambda: now[0])
    for version, time in enumerate(times):
        now[0] = time
        reverts.notice("uid", version)

    def at(time):
        now[0] = time
        return reverts

    return at


@pytest.mark.parametrize(
    ("reverts", "time", "waits"),
    [
        pytest.param([], 0, False, id="nobody undid anything"),
        pytest.param([10], 10.9, True, id="a second after the first"),
        pytest.param([10], 11, False, id="no longer"),
        pytest.param([10, 12], 13.9, True, id="two seconds after the second"),
        pytest.param([10, 12], 14, False, id="no longer than that"),
        pytest.param([10, 12, 15], 309, True, id="three in five minutes are too many"),
        pytest.param([10, 12, 15], 310, False, id="until the oldest is forgotten"),
        pytest.param([10, 200, 400], 402, False, id="slow ones are mended each time"),
    ],
)
def test_our_weights_wait_ever_longer(reverts, time, waits):
    assert contested(*reverts)(time).waits("uid") is waits


def test_the_same_version_is_no_second_revert():
    reverts = Reverts(lambda: 5.0)
    for _ in range(9):
        reverts.notice("uid", 7)
    assert reverts.obstacle("uid", user_route="HTTPRoute ranker", field="rules") is None


def test_the_obstacle_says_what_to_configure():
    obstacle = contested(10, 12, 15)(16).obstacle("uid", user_route="HTTPRoute ranker", field="rules")
    assert obstacle.reason == "RouteContested"
    assert obstacle.message == (
        "HTTPRoute ranker must keep the weights that the experiment writes, found them undone 3 times in 5 minutes;"
        " in Argo CD, ignore the whole list of rules (ignoreDifferences with jqPathExpressions [.spec.rules] and the"
        " sync option RespectIgnoreDifferences=true); in Flux, let spec.ignore of the Kustomization name the path"
        " /spec/rules"
    )


def test_reverts_of_an_experiment_that_left_are_forgotten():
    reverts = contested(10, 12, 15)(16)
    reverts.forget("uid")
    assert not reverts.waits("uid")

"""Two challengers at once, on real parts: the better one is promoted, and harm of one ends the experiment of both."""

import pytest

from given.experiments import route_manifest
from given.model_servers import fail
from given.stages import phase_is, ready


def challengers(percent):
    return [
        {"name": name, "backendRef": {"name": f"ranker-{name}", "port": 8000}, "percent": percent}
        for name in ("v8", "v9")
    ]


@pytest.fixture
def second(model_server):
    """The server of the second challenger; the first is the stage's."""
    return model_server("ranker-v9")


def test_the_better_of_two_is_promoted_and_the_route_is_handed_over_to_it(stage, second):
    stage.apply(challengers=challengers(33))
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.20, "v9": 0.34}) as shoppers:
        status = stage.wait_for(phase_is("Promoted", "Concluded"), seconds=150)
        assert ready(status) == ("True", "Promoted")
        assert status["decision"]["challenger"] == "v9"
        assert [(each["name"], each["challenger"]) for each in status["objectives"]] == [
            ("purchase", "v8"),
            ("purchase", "v9"),
        ]
        adopted = route_manifest(
            stage.namespace, stage.plane.gateway_ref, path=f"/{stage.namespace}", backendRefs=[second.backend]
        )
        stage.plane.api.apply(adopted)
        stage.wait_for(phase_is("Concluded"))
    assert not shoppers.traffic.errors
    assert stage.own_route() is None


def test_harm_of_one_takes_the_traffic_of_both_back(stage, second):
    stage.apply(challengers=challengers(25))
    with stage.shoppers(purchases={"v7": 0.20, "v8": 0.20, "v9": 0.20}) as shoppers:
        shoppers.wait_for_users(400)
        second.answer = fail(500)
        status = stage.wait_for(phase_is("Concluded"))
    assert (status["decision"]["verdict"], status["decision"]["challenger"]) == ("Rollback", "v9")
    breached = [each["challenger"] for each in status["guardrails"] if each["finding"] == "Breached"]
    assert breached == ["v9"]
    assert stage.own_route() is None

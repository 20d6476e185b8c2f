"""The requests say whether the gateway does what it has accepted."""

import pytest

from given.counting import counts_of
from given.deciding import Played, experiment, plan_of
from model_experiment.api.status import CheckStatus, Phase, Verdict
from model_experiment.decision.route import Obstacle, Open, Parked
from model_experiment.decision.verification import RouteCounts, RouteFinding, finding_of

WENT_PAST = (
    "the experiment's route must serve every request with x-user-id, found 6 of 100 on HTTPRoute ranker:"
    " the gateway's proxies do not do what it has accepted"
)
ELSEWHERE = (
    "each user must meet the variant that x-user-id says, found users of others in 6 of 100 requests that {} answered:"
    " the gateway's proxies have other routes, or split by chance"
)
POLICY = Obstacle("PolicyNotCarried", "a policy is attached")
FINDINGS = [
    pytest.param(
        RouteCounts(),
        RouteFinding(effective=True, message="0 of 0 requests met the variant assigned"),
        id="no request yet",
    ),
    pytest.param(
        RouteCounts((2500, 2500), (0, 0)),
        RouteFinding(effective=True, message="5000 of 5000 requests met the variant assigned"),
        id="all as assigned",
    ),
    pytest.param(
        RouteCounts((99, 99), (99, 99)),
        RouteFinding(effective=True, message="0 of 198 requests met the variant assigned"),
        id="too few to say anything",
    ),
    pytest.param(
        RouteCounts((100, 100), (5, 5)),
        RouteFinding(effective=True, message="190 of 200 requests met the variant assigned"),
        id="a few odd users",
    ),
    pytest.param(
        RouteCounts((100, 100), (6, 6)),
        RouteFinding(effective=False, message=ELSEWHERE.format("v7")),
        id="a split by chance",
    ),
    pytest.param(
        RouteCounts((1_000_000, 100), (0, 6)),
        RouteFinding(effective=False, message=ELSEWHERE.format("v8")),
        id="a split by chance that hardly anybody meets",
    ),
    pytest.param(
        RouteCounts((50, 45), (0, 0), bypassed=5),
        RouteFinding(effective=True, message="95 of 100 requests met the variant assigned"),
        id="a few past it",
    ),
    pytest.param(
        RouteCounts((50, 44), (0, 0), bypassed=6),
        RouteFinding(effective=False, message=WENT_PAST),
        id="one of many proxies refused it",
    ),
]


@pytest.mark.parametrize(("seen", "finding"), FINDINGS)
def test_chance_allows_nothing_but_enough_requests_must_say_so(seen, finding):
    assert finding_of(plan_of(experiment()), seen) == finding


def running(**changes):
    played = Played(experiment(**changes))
    played.until_running()
    return played


def served(played, requests, *, misassigned=0, bypassed=0):
    """One more tick with these totals."""
    half = requests // 10
    return played.tick(counts_of(played.now + 1, users=(half, half), misassigned=(misassigned, 0), bypassed=bypassed))


def route_check(played):
    return next(check for check in played.status.checks if check.name == "Route")


def test_what_came_before_the_route_surely_stood_says_nothing():
    played = running()
    for second in range(3):
        served(played, 1000 * (second + 1), misassigned=500, bypassed=500)
    for second in range(3):
        served(played, 5000 + 1000 * second, misassigned=500, bypassed=500)
    assert played.status.phase is Phase.RUNNING
    assert route_check(played).status is CheckStatus.PASSED
    assert route_check(played).message == (
        "the experiment's route is open; 4000 of 4000 requests met the variant assigned"
    )


@pytest.mark.parametrize("fault", [{"misassigned": 400}, {"bypassed": 400}])
@pytest.mark.parametrize("ramp", [[], [{"percent": 1, "hold": "1h"}]])
def test_a_route_that_is_not_in_force_gives_the_traffic_back_and_says_so(fault, ramp):
    played = running(ramp=ramp)
    for second in range(5):
        served(played, 1000 * (second + 1))
    decision = served(played, 7000, **fault)
    assert isinstance(decision.step, Parked)
    assert (decision.judgement.verdict, decision.judgement.reason) == (Verdict.INVALID, "RouteNotEffective")
    for _ in range(4):
        played.tick()
    assert played.status.phase is Phase.CONCLUDED
    assert next(each for each in played.status.conditions if each.type == "Ready").reason == "RouteNotEffective"
    assert played.status.decision.risk is None
    assert played.status.decision.actions[0].startswith("find out which proxy of the gateway refused its routes")


def test_while_a_route_is_parked_everybody_goes_past_it_and_that_is_no_fault():
    played = running()
    for second in range(5):
        served(played, 1000 * (second + 1))
    for second in range(5):
        played.tick(counts_of(played.now + 1, users=(500, 500), bypassed=1000 * second), obstacle=POLICY)
    for second in range(8):
        served(played, 5000 + 1000 * second, bypassed=4000)
    assert played.status.phase is Phase.RUNNING


def test_each_step_of_a_ramp_is_verified_anew():
    played = running(ramp=[{"percent": 1, "hold": "6s"}])
    for second in range(4):
        served(played, 1000 * (second + 1))
    while played.status.phase is not Phase.RUNNING:
        served(played, 5000)
    for second in range(3):
        served(played, 6000 + 1000 * second, misassigned=900)  # proxies follow one after the other
    served(played, 10_000, misassigned=900)
    assert played.status.phase is Phase.RUNNING


def test_a_promotion_is_not_held_to_the_split():
    played = running()
    played.now += 10
    users = (3000, 3000)
    for part in range(1, 13):
        bought = tuple(round(met * part / 12 * rate) for met, rate in zip(users, (0.2, 0.3), strict=True))
        played.tick(counts_of(played.now + 1, users=tuple(met * part // 12 for met in users), purchases=bought))
    for second in range(8):
        played.tick(
            counts_of(
                played.now + 1,
                users=(3000, 4000 + second),
                purchases=(600, 1200),
                misassigned=(0, 1000 * second),
            )
        )
    assert played.status.phase is Phase.PROMOTED
    assert isinstance(played.seen.route, Open)

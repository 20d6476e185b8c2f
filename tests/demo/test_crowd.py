"""The users and the models of the demonstration: one seed, one story."""

from collections import Counter

import pytest
import yaml

from demo import numbers
from demo.crowd import Answer, Crowd
from demo.model_server import Model
from demo.numbers import Numbers
from demo.scenario import SCENARIOS, fault_of
from demo.shop import MANIFEST
from demo.users import Purchases
from model_experiment.api.parsing import parse_spec


def _crowd(seed=7, size=1000, purchase=SCENARIOS["win"].purchase):
    return Crowd(seed=seed, size=size, purchase=purchase)


def _answer(user, variant="v7", **changes):
    return Answer(**({"user": user, "time": 100.0, "status": 200, "variant": variant} | changes))


def test_the_same_seed_sends_the_same_visitors_and_another_seed_others():
    first, same, other = _crowd(), _crowd(), _crowd(seed=8)
    visitors = [first.next_visitor() for _ in range(500)]
    assert visitors == [same.next_visitor() for _ in range(500)]
    assert visitors != [other.next_visitor() for _ in range(500)]


def test_a_third_of_the_visits_is_by_newcomers_until_everybody_has_been_there():
    crowd = _crowd(size=100)
    visits = Counter(crowd.next_visitor() for _ in range(3000))
    assert len(visits) == 100
    assert crowd.numbers(now=0).users == 100


@pytest.mark.parametrize(
    ("variant", "low", "high"),
    [
        pytest.param("v7", 0.18, 0.22, id="a fifth of the champion's users buys"),
        pytest.param("v8", 0.26, 0.32, id="of the challenger's users more do"),
    ],
)
def test_who_buys_depends_on_the_variant_that_served_the_user(variant, low, high):
    crowd = _crowd()
    buyers = sum(crowd.take(_answer(f"u-{number}", variant)) for number in range(3000))
    assert low < buyers / 3000 < high
    assert crowd.numbers(now=100).purchases == buyers


def test_the_same_seed_lets_as_many_buy_whoever_they_are():
    crowds = [_crowd(), _crowd()]
    told = [[crowd.take(_answer(f"{name}-{n}")) for n in range(200)] for crowd, name in zip(crowds, "ab", strict=True)]
    assert told[0] == told[1]


def test_a_user_decides_once():
    crowd = _crowd(purchase={"v7": 1.0})
    assert [crowd.take(_answer("u")) for _ in range(3)] == [True, False, False]


def test_a_user_beside_the_experiment_decides_nothing():
    crowd = _crowd()
    assert not any(crowd.take(_answer(f"u-{number}", None)) for number in range(100))
    assert crowd.numbers(now=100) == Numbers(requests=100, per_second=20.0)


@pytest.mark.parametrize(
    ("answer", "gateway_errors", "model_errors"),
    [
        pytest.param({}, 0, {}, id="an answer"),
        pytest.param({"status": 500, "fault": "ordinary"}, 0, {"v7": 1}, id="an error of the model itself"),
        pytest.param({"status": 503}, 1, {}, id="an error that no model made"),
        pytest.param({"status": 0, "variant": None}, 1, {}, id="no answer at all"),
        pytest.param({"status": 404, "variant": None}, 0, {}, id="a mistake of the user"),
    ],
)
def test_an_error_is_the_models_or_the_gateways(answer, gateway_errors, model_errors):
    crowd = _crowd()
    crowd.take(_answer("u", **answer))
    seen = crowd.numbers(now=100)
    assert (seen.gateway_errors, seen.model_errors) == (gateway_errors, model_errors)


def test_a_user_who_meets_a_second_variant_is_counted_once_with_the_second_it_happened_in():
    crowd = _crowd()
    for time, variant in ((10.0, "v7"), (11.0, "v7"), (12.7, "v8"), (13.0, "v7")):
        crowd.take(_answer("u", variant, time=time))
    seen = crowd.numbers(now=13)
    assert seen.moved == {"12": 1}
    assert (seen.moved_before(None), seen.moved_before(12.9), seen.moved_before(13)) == (1, 0, 1)
    assert seen.met == {"v7": 1}


def test_the_harm_is_timed_from_the_first_answer_of_the_broken_challenger():
    crowd = _crowd()
    crowd.take(_answer("a", "v8", time=10.0, status=500, fault="ordinary"))
    assert crowd.numbers(now=10).seconds_of_harm("v8") is None
    for time, fault in ((12.5, "broken"), (11.0, "broken"), (14.0, None)):
        crowd.take(_answer("b", "v8", time=time, status=500 if fault else 200, fault=fault))
    assert crowd.numbers(now=14).seconds_of_harm("v8") == 3.0


def test_numbers_survive_their_file(tmp_path):
    file = tmp_path / "users.json"
    assert numbers.read(file) == Numbers()
    crowd = _crowd()
    crowd.take(_answer("u", "v8", status=500, fault="broken"))
    numbers.write(crowd.numbers(now=100), file)
    assert numbers.read(file) == crowd.numbers(now=100)


def test_a_purchase_is_told_between_a_fifth_of_a_second_and_two_seconds_later_and_again_until_it_is_taken():
    purchases = Purchases(seed=7)
    for number in range(1500):
        purchases.add(f"u-{number}", now=10.0)
    assert purchases.due(now=10.19) == []
    first = purchases.due(now=12.0)
    assert len(first) == 1000
    purchases.again(first)
    assert len(purchases.due(now=12.0)) + len(purchases.due(now=12.0)) == 1500


@pytest.mark.parametrize(
    ("breaks_after_seconds", "now", "low", "high"),
    [
        pytest.param(None, 1000.0, 0.002, 0.009, id="a model that never breaks fails now and then"),
        pytest.param(15.0, 114.9, 0.002, 0.009, id="so does one that will break"),
        pytest.param(15.0, 115.1, 0.27, 0.33, id="a broken one fails in three of ten predictions"),
    ],
)
def test_a_model_breaks_some_seconds_after_its_first_prediction(breaks_after_seconds, now, low, high):
    model = Model("ranker-v8", seed=7, breaks_after_seconds=breaks_after_seconds)
    model.fault(now=100.0)
    faults = Counter(model.fault(now=now) for _ in range(3000))
    assert low < 1 - faults[None] / 3000 < high
    assert set(faults) == {None, "broken" if low > 0.1 else "ordinary"}


@pytest.mark.parametrize(
    ("name", "status", "fault"),
    [
        pytest.param("win", {"phase": "Promoted", "decision": {"verdict": "Promote"}}, None, id="as it should"),
        pytest.param(
            "harm",
            {"phase": "Concluded", "decision": {"verdict": "KeepChampion"}},
            "scenario harm must end Concluded by Rollback, found Concluded by KeepChampion",
            id="the right phase by the wrong verdict",
        ),
        pytest.param(
            "same", {}, "scenario same must end Concluded by KeepChampion, found None by None", id="no status"
        ),
    ],
)
def test_an_ending_is_held_against_the_truth(name, status, fault):
    assert fault_of(SCENARIOS[name], status) == fault


def test_the_manifest_that_the_readme_shows_is_valid_and_short():
    text = MANIFEST.read_text()
    parse_spec(yaml.safe_load(text)["spec"])
    assert len(text.splitlines()) <= 35

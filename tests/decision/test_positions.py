"""Where a user stands, and how many positions there are."""

import pytest

from given.deciding import Played, experiment, plan_of
from model_experiment.api.words import By
from model_experiment.assignment import user_hash
from model_experiment.decision.positions import modulus_of, position_of
from model_experiment.decision.splits import split_of

STANDING = [
    pytest.param(By.HASH, "anna", "7", user_hash("anna") % 100, id="the hash of the user, whatever is sent"),
    pytest.param(By.POSITION_HEADER, "user-42", "7", 7, id="what is sent, whoever the user is"),
    pytest.param(By.POSITION_HEADER, "user-42", "07", 7, id="a position with a leading 0"),
    pytest.param(By.POSITION_HEADER, "user-42", "", None, id="nothing sent"),
    pytest.param(By.POSITION_HEADER, "user-42", "100", None, id="a number beyond the last position"),
    pytest.param(By.POSITION_HEADER, "user-42", "-1", None, id="a number below the first"),
    pytest.param(By.POSITION_HEADER, "user-42", "\u0667", None, id="a digit of another script"),
    pytest.param(By.DECIMAL_SUFFIX, "user-42", "7", 42, id="the end of a number"),
    pytest.param(By.DECIMAL_SUFFIX, "4", "", None, id="one digit is too few"),
    pytest.param(By.DECIMAL_SUFFIX, "user-4a", "", None, id="a letter among digits"),
    pytest.param(By.HEXADECIMAL_SUFFIX, "0b-fE", "", 254, id="the end of a UUID, in any case"),
    pytest.param(By.HEXADECIMAL_SUFFIX, "anna-xy", "", None, id="the end of a name"),
    pytest.param(By.HEXADECIMAL_SUFFIX, "", "", None, id="no user"),
]


@pytest.mark.parametrize(("by", "user", "sent", "position"), STANDING)
def test_a_user_stands_at_a_position_or_at_none(by, user, sent, position):
    assert position_of(by, modulus=100, user=user, sent=sent) == position


@pytest.mark.parametrize(
    ("by", "positions"), [(By.POSITION_HEADER, 100), (By.DECIMAL_SUFFIX, 100), (By.HEXADECIMAL_SUFFIX, 256)]
)
def test_without_a_hash_there_are_few_positions_whichever_others_have_taken(by, positions):
    assert modulus_of(by, uid="any", taken=frozenset({positions})) == positions


def test_the_split_that_is_tested_is_the_one_that_few_positions_can_give():
    subject = experiment(assignment={"by": "HexadecimalSuffix"}, challengers=[challenger(10)])
    plan = plan_of(subject)
    assert plan.modulus == 256
    assert plan.weights == (100 * 230 / 256, 100 * 26 / 256)


def challenger(percent, name="v8"):
    return {"name": name, "backendRef": {"name": f"ranker-{name}", "port": 8000}, "percent": percent}


def test_a_holdout_does_not_change_the_shares_of_those_who_enter():
    subject = experiment(assignment={"by": "DecimalSuffix"}, targeting={"holdoutPercent": 20})
    assert plan_of(subject).weights == (50, 50)
    assert plan_of(experiment(targeting={"holdoutPercent": 20})).weights == (50, 50)


def test_a_step_of_a_ramp_that_gives_what_the_next_one_gives_still_stands_for_its_time():
    ramp = [{"percent": 1, "hold": "5s"}, {"percent": 2, "hold": "5s"}]
    several = [challenger(2, name) for name in ("v8", "v9", "v10")]
    subject = experiment(assignment={"by": "DecimalSuffix"}, challengers=several, ramp=ramp)
    assert split_of(subject, 100, stage=0) == split_of(subject, 100, stage=1)
    played = Played(subject=subject)
    for _ in range(6):
        played.tick()
    assert played.state.stage == 0

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from model_experiment.collector.store import AssignmentLog, Exposure, LogError, Outcome, Recorded
from model_experiment.errors import SettingsError


def met(user, variant="v8", *, uid="e1", seen=1.0):
    return Exposure(uid, user, variant, 7, seen)


def bought(user, value=1.0, *, uid="e1", name="purchase"):
    return Outcome(uid, user, name, value, 2.0)


@pytest.fixture
def database(tmp_path):
    return f"sqlite:///{tmp_path}/log.db"


@pytest.fixture
def log(database):
    opened = AssignmentLog(database)
    yield opened
    opened.close()


def test_a_user_is_new_once(log):
    assert log.record([met("a"), met("b")], []).exposures == (met("a"), met("b"))
    assert log.record([met("a"), met("c")], []).exposures == (met("c"),)


def test_of_two_exposures_of_a_user_the_first_stays(log):
    assert log.record([met("a", "v8"), met("a", "v7")], []).exposures == (met("a", "v8"),)
    assert log.record([met("a", "v7")], []) == Recorded()
    assert log.record([], [bought("a")]).outcomes == (("v8", bought("a")),)


def test_experiments_do_not_share_users(log):
    log.record([met("a", uid="e1")], [])
    assert log.record([met("a", uid="e2")], []).exposures == (met("a", uid="e2"),)
    assert log.record([], [bought("a", uid="e3")]) == Recorded()


def test_a_user_is_not_new_after_a_restart(database):
    for expected in ((met("a"),), ()):
        log = AssignmentLog(database)
        assert log.record([met("a")], []).exposures == expected
        log.close()


def test_an_outcome_of_a_user_who_met_nothing_waits_for_the_exposure(log):
    assert log.record([], [bought("a", 3.0), bought("b")]) == Recorded()
    assert log.record([met("a", "v7")], []).outcomes == (("v7", bought("a", 3.0)),)
    assert log.record([met("a", "v7")], []) == Recorded()


def test_an_outcome_that_waits_is_attributed_after_a_restart(database):
    before = AssignmentLog(database)
    before.record([], [bought("a")])
    before.close()
    after = AssignmentLog(database)
    assert after.record([met("a")], []).outcomes == (("v8", bought("a")),)
    after.close()


def test_an_exposure_and_its_outcome_may_come_in_one_batch(log):
    recorded = log.record([met("a"), met("b")], [bought("a"), bought("c")])
    assert recorded == Recorded((met("a"), met("b")), (("v8", bought("a")),))


def test_every_outcome_counts_also_the_same_one_twice(log):
    log.record([met("a")], [])
    assert len(log.record([], [bought("a"), bought("a")]).outcomes) == 2


def test_batches_larger_than_a_statement_are_whole(log):
    users = [f"u-{number}" for number in range(3500)]
    assert log.record([], [bought(user) for user in users]) == Recorded()
    recorded = log.record([met(user) for user in users], [])
    assert [exposure.user for exposure in recorded.exposures] == users
    assert sorted(outcome.user for _, outcome in recorded.outcomes) == sorted(users)


def recorded_in_the_end(log, *batch):
    """Tries again, as the recorder does: SQLite lets some wait too long, and a batch that failed left nothing."""
    while True:
        try:
            return log.record(*batch)
        except LogError as error:
            if "database is locked" not in str(error):
                raise


def test_two_collectors_count_every_user_and_outcome_once(database):
    """Both meet the same users and hear half of the outcomes each, all at once."""
    users = [f"u-{number}" for number in range(400)]

    def collect(told):
        log = AssignmentLog(database)
        found = [recorded_in_the_end(log, [met(user)], [bought(user)] if user in told else []) for user in users]
        log.close()
        return found

    with ThreadPoolExecutor(2) as threads:
        batches = [batch for found in threads.map(collect, [set(users[::2]), set(users[1::2])]) for batch in found]
    assert sorted(exposure.user for batch in batches for exposure in batch.exposures) == sorted(users)
    assert sorted(outcome.user for batch in batches for _, outcome in batch.outcomes) == sorted(users)


def test_a_batch_that_fails_leaves_nothing(log, tmp_path):
    with sqlite3.connect(tmp_path / "log.db") as other:
        other.execute("DROP TABLE outcomes")
    with pytest.raises(LogError, match="the database must take a batch, found: no such table: outcomes"):
        log.record([met("a")], [bought("a")])
    with sqlite3.connect(tmp_path / "log.db") as other:
        assert other.execute("SELECT count(*) FROM assignments").fetchone() == (0,)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("nonsense", r"the database URL \(unreadable\) must be usable, found", id="no URL"),
        pytest.param(
            "sqlite:////no/such/folder/a.db", "must open, found: unable to open database file", id="no folder"
        ),
        pytest.param("oracle://scott:tiger@host/x", "must be usable, found: No module named", id="no driver"),
        pytest.param("postgresql+nonsense://host/x", "must be usable, found", id="an unknown driver"),
    ],
)
def test_a_database_that_cannot_be_used_is_named(url, sentence):
    with pytest.raises(SettingsError, match=sentence):
        AssignmentLog(url)


def test_a_password_is_never_shown():
    with pytest.raises(SettingsError) as refused:
        AssignmentLog("postgresql+nonsense://user:tiger@host/x")
    assert "tiger" not in str(refused.value)

"""What is kept of pairs that differ, in the database and on the screen."""

import sqlite3

import pytest
import sqlalchemy as sql

from model_experiment.api.parsing import parse_shadow
from model_experiment.cli.main import main
from model_experiment.comparator.answers import Answer, Failure, Reading, Reason, Unreadable, read
from model_experiment.comparator.evidence import LONGEST_BODY, NOT_REDACTABLE, Difference, kept_body, kept_fields
from model_experiment.comparator.store import EvidenceError, EvidenceStore, differences, newest
from model_experiment.errors import SettingsError

USER = {"user": {"name": "Ann", "id": 1}, "items": [{"secret": "x", "price": 2}, {"secret": "y"}]}

BODIES = [
    pytest.param({}, USER, None, id="nothing, where nothing is said"),
    pytest.param({"bodies": "Keep"}, {"b": 1, "a": "ä"}, '{"b":1,"a":"ä"}', id="JSON as it came"),
    pytest.param(
        {"bodies": "Keep", "redact": ["/user/name", "/items/*/secret", "/none"]},
        USER,
        '{"user":{"name":"(redacted)","id":1},"items":[{"secret":"(redacted)","price":2},{"secret":"(redacted)"}]}',
        id="JSON without what must not be read",
    ),
    pytest.param({"bodies": "Keep"}, "plain", "plain", id="a text"),
    pytest.param({"bodies": "Keep", "redact": ["/a"]}, "name: Ann", NOT_REDACTABLE, id="a text, where something is"),
    pytest.param({"bodies": "Keep"}, {"a": "\ud800", "b": "\0"}, '{"a":"?","b":"\\u0000"}', id="half a character"),
    pytest.param({"bodies": "Keep"}, "a\0b", "a?b", id="a character that a database refuses"),
    pytest.param({"bodies": "Keep"}, Unreadable(Reason.NOT_JSON), "(NotJson)", id="what cannot be read"),
]


@pytest.mark.parametrize(("declared", "value", "kept"), BODIES)
def test_an_answer_is_kept_as_declared(declared, value, kept):
    assert kept_body(Reading(200, value), parse_shadow({"evidence": declared}).evidence) == kept


def test_no_answer_and_an_empty_one_are_told_apart():
    evidence = parse_shadow({"evidence": {"bodies": "Keep"}}).evidence
    assert kept_body(Failure(Reason.TIMEOUT, 1.0), evidence) is None
    assert kept_body(read(Answer(204, b"", 0.1), most_bytes=10), evidence) == ""


def test_a_long_answer_is_cut():
    kept = kept_body(Reading(200, "x" * 20_000), parse_shadow({"evidence": {"bodies": "Keep"}}).evidence)
    assert kept == "x" * LONGEST_BODY + "... (20000 characters)"


def test_of_many_fields_the_first_are_kept():
    fields = tuple(f"answer/{number:03}" for number in range(50))
    assert kept_fields(fields[:20]) == fields[:20]
    assert kept_fields(fields) == (*fields[:20], "and 30 more")


def difference(number, *, uid="e1", name="shop/ranker", champion=None, answer=None):
    return Difference(
        uid, name, "v8", 1_700_000_000.0 + number, f"r-{number}", "POST /v1", ("price",), champion, answer
    )


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/evidence.db"


@pytest.fixture
def store(url):
    opened = EvidenceStore(url)
    yield opened
    opened.close()


def ids(found):
    return [each.request_id for each in found]


def test_what_is_stored_comes_back_newest_first(url, store):
    stored = [difference(1, champion="{}", answer='{"a":1}'), difference(2)]
    store.add(stored, keep={"e1": 10})
    assert newest(url, "shop/ranker", most=10) == stored[::-1]
    assert ids(newest(url, "shop/ranker", most=1)) == ["r-2"]


def test_only_the_newest_of_each_experiment_stay(url, store):
    store.add([difference(number) for number in range(5)], keep={"e1": 3})
    store.add([difference(9, uid="e2", name="shop/other")], keep={"e2": 1})
    store.add([difference(5)], keep={"e1": 3})
    assert ids(newest(url, "shop/ranker", most=10)) == ["r-5", "r-4", "r-3"]
    assert ids(newest(url, "shop/other", most=10)) == ["r-9"]


def test_what_belongs_to_an_experiment_that_is_gone_is_removed_and_nothing_else(url, store):
    store.add([difference(1), difference(2, uid="e2", name="shop/other")], keep={"e1": 9, "e2": 9})
    store.add([], keep={}, gone={"e1", "e3"})
    assert newest(url, "shop/ranker", most=10) == []
    assert ids(newest(url, "shop/other", most=10)) == ["r-2"]


def test_of_two_experiments_with_one_name_the_last_is_shown(url, store):
    store.add([difference(1, uid="e1")], keep={"e1": 9})
    store.add([difference(2, uid="e2")], keep={"e2": 9})
    assert ids(newest(url, "shop/ranker", most=10)) == ["r-2"]


def test_two_comparators_share_a_database(url, store):
    other = EvidenceStore(url)
    store.add([difference(1)], keep={"e1": 9})
    other.add([difference(2)], keep={"e1": 9})
    other.close()
    assert ids(newest(url, "shop/ranker", most=10)) == ["r-2", "r-1"]


def test_a_batch_that_fails_says_why(url, store):
    newest(url, "shop/ranker", most=1)
    with pytest.raises(EvidenceError, match="the database must take evidence, found: NOT NULL constraint failed"):
        store.add([difference(1, name=None)], keep={"e1": 9})
    assert newest(url, "shop/ranker", most=1) == []


def test_a_database_that_cannot_be_used_is_named():
    with pytest.raises(SettingsError, match="must open, found: unable to open database file"):
        EvidenceStore("sqlite:////no/such/folder/a.db")


def test_differences_are_shown(url, store, capsys):
    store.add([difference(1), difference(2, champion='{"price":1}', answer='{"price":2}')], keep={"e1": 9})
    assert main(["shadow", "diff", "ranker", "-n", "shop", "--database", url]) == 0
    assert capsys.readouterr().out == (
        "2023-11-14T22:13:22Z  POST /v1  r-2\n"
        "  v8 differs from the champion in price\n"
        '  champion: {"price":1}\n'
        '  v8: {"price":2}\n'
        "2023-11-14T22:13:21Z  POST /v1  r-1\n"
        "  v8 differs from the champion in price\n"
    )


def test_no_answer_can_talk_to_the_terminal(url, store, capsys):
    store.add([difference(1, champion="\x1b[2Jgone", answer="a\r\x9bb")], keep={"e1": 9})
    assert main(["shadow", "diff", "ranker", "-n", "shop", "--database", url]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == ["  champion: \\x1b[2Jgone", "  v8: a\\x0d\\x9bb"]


def test_that_nothing_differs_is_said(url, store, capsys, monkeypatch):
    monkeypatch.setenv("MEXP_DATABASE", url)
    assert main(["shadow", "diff", "ranker"]) == 0
    assert capsys.readouterr().out == "default/ranker: no pair of answers that differ is stored\n"
    assert newest(url, "default/ranker", most=1) == []
    assert store is not None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param(
            "sqlite:///{}/none.db",
            "the database {}/none.db must be a file that a comparator wrote, found none:"
            " look where the comparator runs, or name another with --database",
            id="no file",
        ),
        pytest.param(
            "sqlite:///{}/empty.db",
            "the database must have evidence, found: no such table: differences",
            id="no evidence",
        ),
        pytest.param(
            "sqlite:///{}", "the database {} must be a file that a comparator wrote, found none: look", id="a folder"
        ),
        pytest.param("nonsense", "the database URL (unreadable) must be usable, found", id="no database"),
    ],
)
def test_a_database_without_evidence_is_named_and_none_is_made(tmp_path, capsys, name, sentence):
    (tmp_path / "empty.db").touch()
    assert main(["shadow", "diff", "ranker", "--database", name.format(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"mexp shadow diff: {sentence.format(tmp_path)}")
    assert [each.name for each in tmp_path.iterdir()] == ["empty.db"]
    assert not (tmp_path / "empty.db").read_bytes()


def test_evidence_is_read_of_a_database_that_may_not_be_written(tmp_path, store):
    store.add([difference(1)], keep={"e1": 9})
    folder = tmp_path / "50% #1"
    folder.mkdir()
    with sqlite3.connect(tmp_path / "evidence.db") as source, sqlite3.connect(folder / "copy.db") as copy:
        source.backup(copy)
    copy.close()
    (folder / "copy.db").chmod(0o400)
    before = (folder / "copy.db").read_bytes()
    assert ids(newest(f"sqlite:///{folder}/copy.db", "shop/ranker", most=10)) == ["r-1"]
    assert (folder / "copy.db").read_bytes() == before


def test_evidence_is_read_while_a_comparator_writes(url, store):
    store.add([difference(1)], keep={"e1": 9})
    with EvidenceStore(url)._engine.begin() as writing:
        writing.execute(sql.update(differences).values(variant="v9"))
        assert ids(newest(url, "shop/ranker", most=10)) == ["r-1"]

"""Evidence in SQL: the newest pairs of answers that differ, of each experiment.

SQLite is embedded, in a file on a local disk; several comparators share a PostgreSQL. Every call blocks (see
``recording``). The trap is a database that grows: each batch also removes what is older than the newest ones, and what
belongs to experiments that are gone.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from model_experiment.comparator.evidence import Difference
from model_experiment.errors import ModelExperimentError
from model_experiment.process import database

_tables = sql.MetaData()

differences = sql.Table(
    "differences",
    _tables,
    sql.Column("id", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
    sql.Column("experiment_uid", sql.Text, nullable=False),
    sql.Column("experiment", sql.Text, nullable=False),
    sql.Column("variant", sql.Text, nullable=False),
    sql.Column("seen", sql.Double, nullable=False),  # seconds since 1970, UTC
    sql.Column("request_id", sql.Text, nullable=False),
    sql.Column("request", sql.Text, nullable=False),
    sql.Column("fields", sql.Text, nullable=False),  # a JSON list
    sql.Column("champion", sql.Text),
    sql.Column("answer", sql.Text),
)
sql.Index("differences_of_experiment", differences.c.experiment_uid, differences.c.id)
sql.Index("differences_by_name", differences.c.experiment, differences.c.id)

_COLUMNS = [column for column in differences.c if column.name != "id"]


class EvidenceError(ModelExperimentError):
    """The database did not take, or give, evidence."""


class EvidenceStore:
    """Evidence in one database. All calls belong in one thread.

    Raises:
        SettingsError: if the URL names no database that can be opened.
    """

    def __init__(self, url: str) -> None:
        self._engine = database.engine(url)
        database.prepare(self._engine, _tables)

    def add(self, found: Sequence[Difference], *, keep: Mapping[str, int], gone: Collection[str] = ()) -> None:
        """Stores differences; of each experiment only the newest stay, as many as its UID has in ``keep``.

        Nothing stays of the UIDs in ``gone``.

        Raises:
            EvidenceError: if the database did not take it; nothing is stored and nothing removed then.
        """
        try:
            with self._engine.begin() as connection:
                if gone:
                    connection.execute(sql.delete(differences).where(differences.c.experiment_uid.in_(gone)))
                if found:
                    connection.execute(sql.insert(differences), [_row(difference) for difference in found])
                for uid in {difference.experiment_uid for difference in found}:
                    _forget(connection, uid, keep=keep[uid])
        except SQLAlchemyError as error:
            raise EvidenceError(f"the database must take evidence, found: {database.cause(error)}") from error

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()


def newest(url: str, experiment: str, *, most: int) -> list[Difference]:
    """The newest differences of the last experiment of this name (``namespace/name``), newest first.

    Raises:
        SettingsError: if the URL names no database that can be used.
        EvidenceError: if there is no evidence in it, because no comparator ever wrote there.
    """
    engine = database.reader(url, writer="comparator")
    c = differences.c
    of_name = c.experiment == experiment
    last = sql.select(c.experiment_uid).where(of_name).order_by(c.id.desc()).limit(1).scalar_subquery()
    statement = sql.select(*_COLUMNS).where(of_name, c.experiment_uid == last).order_by(c.id.desc()).limit(most)
    try:
        with engine.connect() as connection:
            return [_difference(row) for row in connection.execute(statement)]
    except SQLAlchemyError as error:
        raise EvidenceError(f"the database must have evidence, found: {database.cause(error)}") from error
    finally:
        engine.dispose()


def _forget(connection: sql.Connection, uid: str, *, keep: int) -> None:
    c = differences.c
    of_experiment = c.experiment_uid == uid
    oldest = sql.select(c.id).where(of_experiment).order_by(c.id.desc()).offset(keep).limit(1).scalar_subquery()
    connection.execute(sql.delete(differences).where(of_experiment, c.id <= oldest))


def _row(difference: Difference) -> dict[str, Any]:
    values: Iterable[Any] = (getattr(difference, column.name) for column in _COLUMNS)
    row = dict(zip((column.name for column in _COLUMNS), values, strict=True))
    return row | {"fields": json.dumps(difference.fields)}


def _difference(row: sql.Row[Any]) -> Difference:
    values = dict(row._mapping)  # noqa: SLF001 - the documented way to a row's names
    return Difference(**values | {"fields": tuple(json.loads(values["fields"]))})

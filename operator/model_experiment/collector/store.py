"""The log of assignments and outcomes in SQL: who met which variant first, and what applications told.

For: exactness over restarts and over several collectors, since the database alone decides who is new and
which outcome was attributed already. SQLite is embedded, in a file on a local disk; PostgreSQL serves several
collectors on several machines. Not for: counting (see ``counting``) or threads (every call blocks; see
``recording``).

The trap is two writers who do not see each other's open transaction: one stores an exposure while the other
stores an outcome of the same user, and both find nothing to attribute. So each transaction first takes its
turn by updating the one row of ``turns``, which lets transactions write only one after another, on both
databases.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from model_experiment.errors import ModelExperimentError
from model_experiment.process import database

_USERS_A_STATEMENT = 1000

_tables = sql.MetaData()

assignments = sql.Table(
    "assignments",
    _tables,
    sql.Column("experiment_uid", sql.Text, primary_key=True),
    sql.Column("user", sql.Text, primary_key=True),
    sql.Column("variant", sql.Text, nullable=False),
    sql.Column("bucket", sql.Integer, nullable=False),
    sql.Column("first_seen", sql.Double, nullable=False),  # seconds since 1970, UTC
)

outcomes = sql.Table(
    "outcomes",
    _tables,
    sql.Column("id", sql.BigInteger().with_variant(sql.Integer, "sqlite"), primary_key=True),
    sql.Column("experiment_uid", sql.Text, nullable=False),
    sql.Column("user", sql.Text, nullable=False),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("value", sql.Double, nullable=False),
    sql.Column("received", sql.Double, nullable=False),  # seconds since 1970, UTC
    sql.Column("variant", sql.Text),  # NULL until the user has met one
)

sql.Index(
    "waiting_outcomes",
    outcomes.c.experiment_uid,
    outcomes.c.user,
    sqlite_where=outcomes.c.variant.is_(None),
    postgresql_where=outcomes.c.variant.is_(None),
)

_told_columns = [column for column in outcomes.c if column.name not in ("id", "variant")]

turns = sql.Table(
    "turns", _tables, sql.Column("id", sql.Integer, primary_key=True), sql.Column("taken", sql.BigInteger)
)


class LogError(ModelExperimentError):
    """The database did not take a batch; nothing of it is stored."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A user met a variant; whether for the first time, the log decides."""

    experiment_uid: str
    user: str
    variant: str
    bucket: int
    first_seen: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an application told about a user."""

    experiment_uid: str
    user: str
    name: str
    value: float
    received: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one transaction made true: users who are new, and outcomes with the variant their user met first.

    The outcomes may have been stored long before, by another process, and found their exposure only now.
    """

    exposures: tuple[Exposure, ...] = ()
    outcomes: tuple[tuple[str, Outcome], ...] = ()


class AssignmentLog:
    """The log in one database. All calls belong in one thread.

    Raises:
        SettingsError: if the URL names no database that can be opened.
    """

    def __init__(self, url: str) -> None:
        self._engine = database.engine(url)
        self._insert = database.INSERTS[self._engine.dialect.name]
        first_turn = self._insert(turns).values(id=1, taken=0).on_conflict_do_nothing()
        database.prepare(self._engine, _tables, first_turn)

    def record(self, exposures: Sequence[Exposure], told: Sequence[Outcome]) -> Recorded:
        """Stores a batch in one transaction and says what is new.

        Raises:
            LogError: if the database did not take it; it may be given again.
        """
        try:
            with self._engine.begin() as connection:
                connection.execute(sql.update(turns).values(taken=turns.c.taken + 1))
                new = self._insert_exposures(connection, exposures)
                if told:
                    connection.execute(sql.insert(outcomes), _rows(told, _told_columns))
                users = {(exposure.experiment_uid, exposure.user) for exposure in new}
                users |= {(outcome.experiment_uid, outcome.user) for outcome in told}
                return Recorded(new, tuple(_attribute(connection, users)))
        except SQLAlchemyError as error:
            raise LogError(f"the database must take a batch, found: {database.cause(error)}") from error

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def _insert_exposures(self, connection: sql.Connection, exposures: Sequence[Exposure]) -> tuple[Exposure, ...]:
        """Those exposures that were not in the log; of two for one user the first in the batch."""
        if not exposures:
            return ()
        statement = self._insert(assignments).on_conflict_do_nothing().returning(*assignments.c)
        rows = connection.execute(statement, _rows(exposures, assignments.c))
        return tuple(Exposure(*row) for row in rows)


def _attribute(connection: sql.Connection, users: set[tuple[str, str]]) -> Iterator[tuple[str, Outcome]]:
    """Gives the waiting outcomes of some users the variant they met first; who met none keeps waiting."""
    for experiment_uid in sorted({uid for uid, _ in users}):
        names = sorted(user for uid, user in users if uid == experiment_uid)
        for start in range(0, len(names), _USERS_A_STATEMENT):
            yield from _attribute_some(connection, experiment_uid, names[start : start + _USERS_A_STATEMENT])


def _attribute_some(
    connection: sql.Connection, experiment_uid: str, users: Sequence[str]
) -> Iterator[tuple[str, Outcome]]:
    statement = (
        sql.update(outcomes)
        .values(variant=assignments.c.variant)
        .where(
            outcomes.c.variant.is_(None),
            outcomes.c.experiment_uid == experiment_uid,
            outcomes.c.user.in_(users),
            assignments.c.experiment_uid == outcomes.c.experiment_uid,
            assignments.c.user == outcomes.c.user,
        )
        .returning(outcomes.c.variant, *_told_columns)
    )
    for variant, *told in connection.execute(statement):
        yield variant, Outcome(*told)


def _rows(values: Iterable[Any], columns: Iterable[sql.Column[Any]]) -> list[dict[str, Any]]:
    """Values as rows; the fields have the names of the columns."""
    names = [column.name for column in columns]
    fields = attrgetter(*names)
    return [dict(zip(names, fields(value), strict=True)) for value in values]

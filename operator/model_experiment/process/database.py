"""A database behind a URL: SQLite embedded in a file on a local disk, PostgreSQL to scale out.

For: opening it and making its tables, alike on both. Not for: what stands in them. The trap is a URL with a password:
no message shows it, and none shows a statement, which would carry what users sent.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from model_experiment.errors import SettingsError

LOCK_PATIENCE_SECONDS = 5.0

INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def engine(url: str) -> sql.Engine:
    """The engine of a database, which is not yet connected to; a file that is not there will be made.

    Raises:
        SettingsError: if the URL names none that can be used.
    """
    made = _engine(url)
    if made.dialect.name == "sqlite":
        sql.event.listen(made, "connect", _prepare_sqlite)
    return made


def reader(url: str, *, writer: str) -> sql.Engine:
    """The engine of a database that is only read: a file must be there, and is not touched.

    Raises:
        SettingsError: if the URL names none that can be used; ``writer`` is who should have made the file.
    """
    made = _engine(url)
    if made.dialect.name != "sqlite":
        return made
    file = Path(made.url.database or ":memory:")
    if not file.is_file():
        raise SettingsError(
            f"the database {file} must be a file that a {writer} wrote, found none:"
            f" look where the {writer} runs, or name another with --database"
        )
    return _engine(made.url.set(database=file.absolute().as_uri(), query={"mode": "ro", "uri": "true"}))


def _engine(url: str | sql.URL) -> sql.Engine:
    try:
        made = sql.create_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        raise SettingsError(f"the database URL {_shown(url)} must be usable, found: {cause(error)}") from error
    if made.dialect.name not in INSERTS:
        raise SettingsError(f"the database must be one of {', '.join(INSERTS)}, found {made.dialect.name}")
    return made


def prepare(made: sql.Engine, tables: sql.MetaData, *more: sql.Executable) -> None:
    """Makes what is missing of the tables and their indexes, and executes what else they need.

    Each statement is a transaction of its own: no lock is held while another process writes. And each has a second
    chance: where several processes start at once on PostgreSQL, one makes a table and fails the others, who find it
    at their second look.

    Raises:
        SettingsError: if the database does not open.
    """
    indexes = (index for table in tables.sorted_tables for index in table.indexes)
    statements: list[sql.Executable] = [
        *(CreateTable(table, if_not_exists=True) for table in tables.sorted_tables),
        *(CreateIndex(index, if_not_exists=True) for index in indexes),
        *more,
    ]
    try:
        for statement in statements:
            try:
                _execute(made, statement)
            except SQLAlchemyError:
                _execute(made, statement)
    except SQLAlchemyError as error:
        shown = made.url.render_as_string(hide_password=True)
        raise SettingsError(f"the database {shown} must open, found: {cause(error)}") from error


def cause(error: Exception) -> str:
    """The driver's own words in one line; SQLAlchemy's text would carry the statement and its values."""
    original = getattr(error, "orig", None) or error
    return " ".join(str(original).split())[:300]


def _execute(made: sql.Engine, statement: sql.Executable) -> None:
    with made.begin() as connection:
        connection.execute(statement)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Readers do not block the writer, and writers of other processes are waited for."""
    connection.execute(f"PRAGMA busy_timeout = {LOCK_PATIENCE_SECONDS * 1000:.0f}")
    connection.execute("PRAGMA journal_mode = WAL")


def _shown(url: str | sql.URL) -> str:
    """A URL without its password."""
    try:
        return sql.make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "(unreadable)"

"""Read a table of PostgreSQL row by row, as it was at one moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg

from business.postgres.columns import ColumnError, Columns, choose
from sessions.common.errors import ConfigurationError, StoreUnavailableError

_ANSWER_WITHIN = timedelta(seconds=30)
_ENDS_WITHIN = timedelta(seconds=2)
_AT_ONCE = 500
_TABLES = """
    SELECT c.oid, n.nspname AS schema, c.relname AS name, pg_table_is_visible(c.oid) AS visible
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
    ORDER BY n.nspname, c.relname"""
_COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
_KEY = """
    SELECT a.attname FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = $1::oid AND i.indisprimary
    ORDER BY array_position(i.indkey::int2[], a.attnum)"""
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,  # a wrong password, too
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
)
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


@dataclass(frozen=True)
class TableRow:
    """A row: its place from 1 on, its primary key if the table has one, and its cells as text."""

    number: int
    key: str | None
    cells: Mapping[str, str | None]


@dataclass(frozen=True)
class OpenTable:
    """A table while it is read."""

    connection: Any
    name: str
    columns: Columns
    """The columns that are taken, by field."""
    left: tuple[str, ...]
    """The columns that are not taken."""
    key: tuple[str, ...]

    async def rows(self) -> AsyncIterator[TableRow]:
        """Yield all rows in the order of their key; raise ConfigurationError or StoreUnavailable.

        They are as they were when the table was opened.
        """
        taken = sorted({column for columns in self.columns.values() for column in columns})
        order = self.key or self.columns["phone"]
        chosen = [*self.key, *taken]
        asked = ", ".join(f"t.{_quoted(each)}::text" for each in chosen)
        by = ", ".join(f"t.{_quoted(each)}" for each in order)
        # The names come from PostgreSQL's own catalogue, and are quoted.
        query = f"SELECT {asked} FROM {self.name} AS t ORDER BY {by}"  # noqa: S608
        with _explained():
            number = 0
            async for record in self.connection.cursor(query, prefetch=_AT_ONCE):
                number += 1
                values = list(record.values())
                key = ", ".join(str(each) for each in values[: len(self.key)]) or None
                cells = dict(zip(taken, values[len(self.key) :], strict=True))
                yield TableRow(number, key, cells)


@asynccontextmanager
async def open_table(address: str, table: str, given: Columns) -> AsyncIterator[OpenTable]:
    """Connect and find the table and its columns.

    Raises ConfigurationError for what an operator has to change, and StoreUnavailableError if
    PostgreSQL does not answer.
    """
    with _explained():
        connection = await _connect(address)
    try:
        with _explained():
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            await transaction.start()
            opened = await _find(connection, table, given)
        yield opened
    finally:
        # Nothing was written, so there is nothing to commit.
        await _close(connection)


async def _connect(address: str) -> asyncpg.Connection[Any]:
    within = _ANSWER_WITHIN.total_seconds()
    try:
        # A pooler such as PgBouncer does not know statements that were prepared elsewhere.
        return await asyncpg.connect(
            address, timeout=within, command_timeout=within, statement_cache_size=0
        )
    except ValueError as error:
        # The driver's own text is not repeated: it can quote a part of the password.
        raise ConfigurationError(
            "DATABASE_URL is not an address we can use, like postgresql://USER:PASSWORD@HOST/NAME. "
            "Percent-encode the password, all of it but letters and digits"
        ) from error


async def _close(connection: asyncpg.Connection[Any]) -> None:
    try:
        await connection.close(timeout=_ENDS_WITHIN.total_seconds())
    except _AWAY:
        connection.terminate()


async def _find(connection: asyncpg.Connection[Any], table: str, given: Columns) -> OpenTable:
    found = [dict(each) for each in await connection.fetch(_TABLES)]
    chosen = _chosen(table, found)
    columns = [str(each["attname"]) for each in await connection.fetch(_COLUMNS, chosen["oid"])]
    key = tuple(str(each["attname"]) for each in await connection.fetch(_KEY, chosen["oid"]))
    try:
        taken = choose(columns, given)
    except ColumnError as error:
        raise ConfigurationError(f"The table {chosen['name']}: {error}") from error
    used = {column for names in taken.values() for column in names}
    name = f"{_quoted(chosen['schema'])}.{_quoted(chosen['name'])}"
    return OpenTable(connection, name, taken, tuple(c for c in columns if c not in used), key)


def _chosen(table: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the table with a name, which may have its schema before it."""
    schema, _, name = table.rpartition(".")
    there = [each for each in found if not schema or each["schema"] == schema]
    named = [each for each in there if each["name"] == name]
    named = named or [each for each in there if each["name"].casefold() == name.casefold()]
    visible = [each for each in named if each["visible"]] or named
    if len(visible) == 1:
        return visible[0]
    names = ", ".join(f"{each['schema']}.{each['name']}" for each in named or found) or "none"
    problem = "more than one table" if named else "no table"
    raise ConfigurationError(
        f"There is {problem} {table!r} in PostgreSQL: name it with --table. There are: {names}"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of PostgreSQL into what an operator can act on."""
    try:
        yield
    except _REFUSED as error:
        raise ConfigurationError(f"PostgreSQL (DATABASE_URL) refuses: {error}") from error
    except _AWAY as error:
        text = str(error) or "no answer"
        raise StoreUnavailableError(f"PostgreSQL (DATABASE_URL) does not answer: {text}") from error

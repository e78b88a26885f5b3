"""Keep everything the simulated service must remember in one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

SCHEMA = """
CREATE TABLE IF NOT EXISTS number (
    digits TEXT PRIMARY KEY, registered INTEGER NOT NULL, lid TEXT NOT NULL UNIQUE,
    addressing TEXT NOT NULL, receipts_from_lid INTEGER NOT NULL, business INTEGER NOT NULL,
    phone INTEGER NOT NULL, next_device INTEGER NOT NULL DEFAULT 1, canonical TEXT, trouble TEXT);
CREATE TABLE IF NOT EXISTS device (
    id TEXT PRIMARY KEY, digits TEXT NOT NULL, token TEXT NOT NULL,
    identity BLOB NOT NULL, name TEXT NOT NULL, linked_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    id TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL, text TEXT, sha256 TEXT,
    quoted TEXT, type TEXT NOT NULL, mimetype TEXT, options TEXT, arrivals INTEGER NOT NULL,
    first_at REAL NOT NULL, delivered_at REAL, PRIMARY KEY (sender, id));
CREATE TABLE IF NOT EXISTS change_of_message (
    sender TEXT NOT NULL, id TEXT NOT NULL, who TEXT NOT NULL, kind TEXT NOT NULL,
    value TEXT NOT NULL, PRIMARY KEY (sender, id, who, kind));
CREATE TABLE IF NOT EXISTS mailbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, frame TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS media (
    id TEXT PRIMARY KEY, sha256 TEXT NOT NULL, mimetype TEXT NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS room (id TEXT PRIMARY KEY, subject TEXT NOT NULL, members TEXT NOT NULL,
    admins TEXT NOT NULL);
"""
TABLES = ("number", "device", "message", "change_of_message", "mailbox", "media", "room")


class Database:
    """One SQLite file behind one thread, so that the event loop never waits for the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whatsapp-web-sqlite")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, making the tables that are missing."""

        def work() -> sqlite3.Connection:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(SCHEMA)
            return connection

        self._connection = await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Close the file after the last write."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        self._thread.shutdown(wait=False)

    async def transact(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a function on the connection as one transaction and return what it returns."""

        def whole() -> Result:
            connection = self._open_connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            return result

        return await asyncio.get_running_loop().run_in_executor(self._thread, whole)

    async def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows that a query finds."""
        return await self.transact(lambda connection: connection.execute(sql, values).fetchall())

    async def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row that a query finds."""
        found = await self.rows(sql, *values)
        return found[0] if found else None

    async def write(self, sql: str, *values: Any) -> int:
        """Run one statement and return how many rows it changed."""
        return await self.transact(lambda connection: connection.execute(sql, values).rowcount)

    async def wipe(self) -> None:
        """Forget everything."""

        def work(connection: sqlite3.Connection) -> None:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

        await self.transact(work)

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("the database is not open")
        return self._connection

"""Keys of the saved sessions: `python -m sessions new-key` or `python -m sessions rotate-keys`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sessions.blobs import BlobError, BlobSettings, BlobStore, open_key_ring
from sessions.blobs.keys import Key
from sessions.embedded import embedded_servers
from sessions.errors import ConfigurationError
from sessions.mongo import open_database
from sessions.program import run_program

if TYPE_CHECKING:
    from sessions.mongo import Database


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command says; return an exit code."""
    command = _parse(arguments).command
    if command == "new-key":
        print(Key.generate().text())
        return 0
    return run_program("sessions", BlobSettings, _rotate)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sessions", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("new-key", help="print a fresh ID:BASE64 for SESSION_ENCRYPTION_KEYS")
    commands.add_parser(
        "rotate-keys",
        help="bring all saved sessions under the first key of SESSION_ENCRYPTION_KEYS",
        description="Put the new key first in SESSION_ENCRYPTION_KEYS, leave the old ones behind "
        "it, restart the workers, run this, and only then remove the old ones. Safe to repeat, "
        "and while workers run.",
    )
    return parser.parse_args(arguments)


async def _rotate(settings: BlobSettings, _stop: asyncio.Event) -> None:
    production = settings.app_env == "production"
    keys = open_key_ring(settings.session_encryption_keys, settings.data_dir, production)
    async with _database(settings) as database:
        try:
            count = await BlobStore(database, keys).rewrap_all()
        except BlobError as error:
            raise ConfigurationError(str(error)) from error
    noun = "session" if count == 1 else "sessions"
    print(f"{count} saved {noun} moved to key {keys.first.id}; all are under it now.")


@asynccontextmanager
async def _database(settings: BlobSettings) -> AsyncIterator[Database]:
    """Reach the MongoDB that was set, or the embedded one."""
    given = settings.mongo_address
    need_mongo = given is None
    mode = settings.embedded_servers
    async with (
        embedded_servers(
            settings.data_dir, need_mongo=need_mongo, need_redis=False, mode=mode
        ) as embedded,
        open_database(given or embedded.mongo, settings.startup_timeout) as database,
    ):
        yield database


if __name__ == "__main__":
    sys.exit(main())

"""What an operator does by hand: `new-key`, `rotate-keys`, and `saved-page` in an emergency.

`chatgrow-sessions` or `python -m sessions`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sessions.blobs import BlobStore
from sessions.common.errors import ConfigurationError
from sessions.config.settings import EncryptionSettings
from sessions.connections.proxy_passwords import rotate_proxy_passwords
from sessions.embedded import embedded_servers
from sessions.encryption.errors import BlobError
from sessions.encryption.keys import Key, open_key_ring
from sessions.media.rotation import rotate_media
from sessions.messages.sealed_texts import rotate_texts
from sessions.program import command_line, run_program, unless_stopped
from sessions.storage.mongo import open_database, server_time
from sessions.webhooks.secrets import rotate_webhook_secrets
from sessions.whatsapp.saved_html import KEPT_FOR, SavedHtmlStatus, SavedHtmlStore

if TYPE_CHECKING:
    from sessions.storage.mongo import Database


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command says; return an exit code."""
    given = _parse(arguments)
    if given.command == "new-key":
        print(Key.generate().text())
        return 0
    if given.command == "saved-page":
        return run_program("sessions", EncryptionSettings, partial(_saved_page, given.what))
    return run_program("sessions", EncryptionSettings, _rotate)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command_line("chatgrow-sessions", "Make and rotate keys, and help in an emergency.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("new-key", help="print a fresh ID:BASE64 for SESSION_ENCRYPTION_KEYS")
    commands.add_parser(
        "rotate-keys",
        help="bring all that is encrypted in MongoDB under the first encryption key",
        description="Put the new key first in SESSION_ENCRYPTION_KEYS, leave the old ones behind "
        "it, restart the workers, then the API, run this, and only then remove the old ones. Safe "
        "to repeat, and while workers run.",
    )
    saved = commands.add_parser(
        "saved-page",
        help="open pages from the HTML that was saved of one that worked, or stop that",
        description="For when WhatsApp serves a page on which nothing works: read "
        "docs/operations.md first. Counts on the whole fleet, for each page that is opened later.",
    )
    saved.add_argument("what", choices=("on", "off", "show"))
    return parser.parse_args(arguments)


async def _rotate(settings: EncryptionSettings, stop: asyncio.Event) -> None:
    production = settings.app_env == "production"
    keys = open_key_ring(settings.session_encryption_keys, settings.data_dir, production)
    async with _database(settings, stop) as database:
        try:
            count = await BlobStore(database, keys).rewrap_all()
            passwords = await rotate_proxy_passwords(database, keys)
            webhooks = await rotate_webhook_secrets(database, keys)
            files = await rotate_media(database, keys)
            texts = await rotate_texts(database, keys, plain_too=settings.seal_texts)
        except BlobError as error:
            raise ConfigurationError(str(error)) from error
    noun = "session" if count == 1 else "sessions"
    print(f"{count} saved {noun} moved to key {keys.first.id}; all are under it now.")
    print(f"Passwords of proxies that moved: {passwords}. Texts that moved: {texts.moved}.")
    print(f"Webhooks whose secrets moved: {webhooks}. Files that moved: {files.moved}.")
    if files.left:
        print(f"No key opens {files.left} files: they stay as they are until theirs is back.")
    if texts.left:
        print(f"No key opens {texts.left} texts: they stay as they are until theirs is back.")


async def _saved_page(what: str, settings: EncryptionSettings, stop: asyncio.Event) -> None:
    async with _database(settings, stop) as database:
        store = SavedHtmlStore(database)
        now = await server_time(database)
        if what != "show":
            await store.switch(what == "on", now)
        print(_told(await store.status(), now))


def _told(status: SavedHtmlStatus, now: datetime) -> str:
    """Say in a sentence or two what pages are opened from."""
    switched = f"Pages are to be opened from saved HTML: {'yes' if status.on else 'no'}."
    if status.saved_at is None:
        return f"{switched} None is saved yet."
    old = now - status.saved_at > KEPT_FOR
    kept = f"It was saved at {status.saved_at:%Y-%m-%d %H:%M} UTC, version {status.version}"
    kept += ", and is too old to be used." if old else "."
    if status.given_up is None:
        return f"{switched} {kept}"
    given_up = status.given_up
    return f"{switched} {kept} Given up at {given_up.at:%Y-%m-%d %H:%M} UTC: {given_up.why}."


@asynccontextmanager
async def _database(settings: EncryptionSettings, stop: asyncio.Event) -> AsyncIterator[Database]:
    """Reach the MongoDB that was set, or the embedded one."""
    given = settings.mongo_address
    need_mongo = given is None
    mode = settings.embedded_servers
    async with (
        unless_stopped(stop),
        embedded_servers(
            settings.data_dir, need_mongo=need_mongo, need_redis=False, mode=mode
        ) as embedded,
        open_database(given or embedded.mongo, settings.startup_timeout) as database,
    ):
        yield database


if __name__ == "__main__":
    sys.exit(main())

"""Work on the business side from the command line: `python -m business import-subscribers`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from business.postgres.columns import FIELDS, read_map
from business.stores import Stores
from sessions.accounts.users import UserNotFoundError, UserStore
from sessions.common.callers import FIRST_OWNER
from sessions.common.errors import ConfigurationError, StoreUnavailableError
from sessions.common.field_errors import in_words
from sessions.config.settings import SharedSettings, Span, is_placeholder
from sessions.program import command_line, open_stores, run_program, unless_stopped
from sessions.storage.mongo import NO_ANSWER, brief
from sessions.storage.server_clock import server_clock

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

_NO_DRIVER = (
    "This needs the extra `postgres`: "
    ".venv/bin/python -m pip install --require-hashes -r requirements/postgres.txt"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return an exit code."""
    options = _parse(arguments)
    return run_program("business", SharedSettings, partial(_import_subscribers, options))


async def _import_subscribers(
    options: argparse.Namespace, settings: SharedSettings, stop: asyncio.Event
) -> None:
    """Import the table, or keep in step with it until `stop` is set."""
    try:
        from business.postgres.report import Report
        from business.postgres.rounds import Rounds, Wanted
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigurationError(_NO_DRIVER) from error
    address = _address(settings)
    async with AsyncExitStack() as stack:
        async with unless_stopped(stop):
            servers = await stack.enter_async_context(open_stores(settings))
        database = servers.database
        now = await stack.enter_async_context(server_clock(database))
        stores = Stores.over(database)
        await stores.prepare()
        owner = await _owner(database, options.owner)
        wanted = Wanted(address, options.table, options.map, options.list, owner)
        rounds = Rounds(wanted, stores, Report(as_json=options.json), now)
        if options.watch is not None:
            await rounds.keep_in_step(options.watch, stop)
            return
        try:
            await rounds.round(stop)
        except NO_ANSWER as error:
            raise StoreUnavailableError(f"MongoDB does not answer: {brief(error)}") from error


def _address(settings: SharedSettings) -> str:
    address = settings.database_url.get_secret_value() if settings.database_url else None
    if address is None or is_placeholder(address):
        raise ConfigurationError(
            "Set DATABASE_URL to the PostgreSQL that has the subscribers: "
            "postgresql://USER:PASSWORD@HOST/NAME"
        )
    return address


async def _owner(database: Database, name: str) -> str:
    if name == FIRST_OWNER:
        return name
    try:
        return (await UserStore(database).named(name)).id
    except UserNotFoundError as error:
        raise ConfigurationError(f"--owner: {error}") from error


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = command_line("chatgrow-business", "Work on the business side.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    wish = commands.add_parser(
        "import-subscribers",
        help="bring the subscribers of a PostgreSQL (DATABASE_URL) here",
        description="Read a table of the PostgreSQL in DATABASE_URL and store its subscribers, "
        "found by their numbers. It may be repeated: nothing is stored twice.",
    )
    wish.add_argument("--table", default="subscribers", help="default: %(default)s")
    wish.add_argument(
        "--map",
        type=_map,
        default={},
        metavar="FIELD=COLUMN,…",
        help=f"columns with other names than usual, for {', '.join(FIELDS)}; "
        "`name=first+last` takes two, `status=` none",
    )
    wish.add_argument("--list", default="news", help="of rows without one (default: %(default)s)")
    wish.add_argument(
        "--owner",
        default=FIRST_OWNER,
        metavar="USER",
        help="whose they are: an id or an e-mail address (default: the first administrator)",
    )
    wish.add_argument(
        "--watch", type=_span, metavar="TIME", help="go on, with a round each TIME: 15m"
    )
    wish.add_argument("--json", action="store_true", help="write lines of JSON")
    return parser.parse_args(arguments)


def _map(text: str) -> dict[str, tuple[str, ...]]:
    try:
        return dict(read_map(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _span(text: str) -> timedelta:
    adapter: TypeAdapter[timedelta] = TypeAdapter(Span)
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(in_words(error.errors()[0])) from error


if __name__ == "__main__":
    sys.exit(main())

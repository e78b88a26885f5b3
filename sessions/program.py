"""Run a program: settings once, logging, a stop event for signals, and honest exit codes."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

import uvloop
from loguru import logger
from pydantic import ValidationError

from sessions import __version__
from sessions.common.errors import ConfigurationError, StoreUnavailableError
from sessions.common.field_errors import in_words
from sessions.config.env_file import (
    UNREADABLE,
    misspelt,
    quiet_dotenv,
    readable_by_others,
    unread_lines,
    why_unreadable,
)
from sessions.config.settings import (
    EXIT_CONFIGURATION,
    EXIT_FAILED,
    EXIT_UNAVAILABLE,
    SharedSettings,
)
from sessions.embedded import EmbeddedServerError, embedded_servers
from sessions.logs.records import keeping_records
from sessions.logs.setup import configure_logging
from sessions.queue.doorbell import open_redis
from sessions.storage.mongo import Refused, open_database, refusal

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database

_NAMES = {"APP_ENV": "APP_ENV or NODE_ENV"}
"""What a setting with two names is called: an error does not tell which one was set."""
Settings = TypeVar("Settings", bound=SharedSettings)


class StoppedError(Exception):
    """The program was asked to end while it waited at its start."""


@dataclass(frozen=True)
class Stores:
    """The two servers that every program talks to."""

    database: Database
    redis: ArqRedis
    redis_url: str


@asynccontextmanager
async def open_stores(settings: SharedSettings) -> AsyncIterator[Stores]:
    """Reach MongoDB and Redis: those that were set, or embedded ones that this starts."""
    given_mongo, given_redis = settings.mongo_address, settings.redis_address
    async with AsyncExitStack() as stack:
        embedded = await stack.enter_async_context(
            embedded_servers(
                settings.data_dir,
                need_mongo=given_mongo is None,
                need_redis=given_redis is None,
                mode=settings.embedded_servers,
            )
        )
        patience = settings.startup_timeout
        redis_url = given_redis or embedded.redis
        mongo = open_database(given_mongo or embedded.mongo, patience)
        database = await stack.enter_async_context(mongo)
        await stack.enter_async_context(keeping_records(database, settings.log_level))
        redis = await stack.enter_async_context(open_redis(redis_url, patience))
        yield Stores(database, redis, redis_url)


@asynccontextmanager
async def unless_stopped(stop: asyncio.Event) -> AsyncIterator[None]:
    """Cut the block off when `stop` is set, and raise StoppedError: for what waits at the start."""
    limit = asyncio.timeout(None)
    stopping = asyncio.create_task(stop.wait(), name="stop")

    def cut(_: object) -> None:
        limit.reschedule(asyncio.get_running_loop().time())

    try:
        async with limit:
            stopping.add_done_callback(cut)
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise StoppedError from error
    finally:
        stopping.remove_done_callback(cut)
        stopping.cancel()


def command_line(name: str, description: str) -> argparse.ArgumentParser:
    """Return a parser that understands `--help` and `--version`; all else is in settings."""
    parser = argparse.ArgumentParser(
        prog=name,
        description=description,
        epilog="Settings are environment variables, or lines of the file .env in this folder.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def run_program(
    name: str,
    settings_class: type[Settings],
    main: Callable[[Settings, asyncio.Event], Awaitable[None]],
) -> int:
    """Run `main` until it returns or SIGTERM sets its stop event; return the exit code."""
    quiet_dotenv()
    try:
        settings = settings_class()
    except ValidationError as error:
        explain(name, error)
        return EXIT_CONFIGURATION
    except UNREADABLE as error:
        print(f"{name}: {why_unreadable(error)}", file=sys.stderr)
        return EXIT_CONFIGURATION
    try:
        configure_logging(settings, name)
        if settings.embedded_servers != "attach":  # else `scripts/preflight.py` has told it once
            advise(settings)
        uvloop.run(_until_signal(settings, main))
    except StoppedError:
        logger.info("Stopped at the start")
    except ConfigurationError as error:
        logger.error("{}", error)
        return EXIT_CONFIGURATION
    except StoreUnavailableError as error:
        logger.error("{}", error)
        return EXIT_UNAVAILABLE
    except Refused as error:
        logger.error("{}", refusal(error))
        return EXIT_UNAVAILABLE
    except EmbeddedServerError as error:
        logger.error("{}", error)
        return error.exit_code
    except Exception:  # noqa: BLE001  the last word is a log line too, masked like any other
        logger.exception("The program failed in a way nobody expected")
        return EXIT_FAILED
    return 0


def advise(*settings: SharedSettings) -> None:
    """Warn of what looks wrong in the settings of programs, and works all the same."""
    for number in unread_lines():
        logger.warning("Line {} of .env is not NAME=value: nothing reads it", number)
    for written, where, meant in misspelt([type(each) for each in settings]):
        logger.warning(
            "There is no setting {}, as {} has it: did you mean {}?", written, where, meant
        )
    if readable_by_others():
        # Not refused: its folder may shut others out, and a container has no others.
        production = any(each.app_env == "production" for each in settings)
        logger.log(
            "ERROR" if production else "WARNING",
            "Others than its owner may read .env, with keys and passwords: chmod 600 .env",
        )
    if any(each.database_url is not None for each in settings):
        logger.info(
            "DATABASE_URL is read by `python -m business import-subscribers` alone{}",
            "" if find_spec("asyncpg") else ", which needs the extra `postgres`",
        )


async def _until_signal(
    settings: Settings, main: Callable[[Settings, asyncio.Event], Awaitable[None]]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(settings, stop)


def explain(name: str, error: ValidationError) -> None:
    """Name each setting that is wrong; values are left out, they can be secrets."""
    for item in error.errors(include_url=False, include_input=False):
        setting = "_".join(str(part) for part in item["loc"]).upper()
        # What is wrong with several together is of none, and names them by itself.
        where = f"setting {_NAMES.get(setting, setting)}: " if setting else ""
        print(f"{name}: {where}{in_words(item)}", file=sys.stderr)

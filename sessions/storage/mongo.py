"""Connect to MongoDB with Motor, which only the stores in `sessions` use.

Motor is no longer maintained. PyMongo's own async client has the same methods, so replacing it
changes only `sessions`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from loguru import logger
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern, errors
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay
from tenacity import wait_random_exponential as wait_with_jitter

from sessions.common.errors import ConfigurationError, StoreUnavailableError

if TYPE_CHECKING:
    from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase

    type_document = dict[str, Any]
    Database = AsyncIOMotorDatabase[type_document]
    Collection = AsyncIOMotorCollection[type_document]

DEFAULT_DATABASE = "chatgrow"
NO_ANSWER = (errors.ConnectionFailure, errors.ExecutionTimeout)
"""The errors of a store while MongoDB cannot be reached."""
Refused = errors.OperationFailure
"""The error when MongoDB answers, but refuses the operation."""
STORE_DOWN = (*NO_ANSWER, Refused)
"""The errors of a store while MongoDB cannot be reached or refuses; trying again later helps.

MongoDB refuses for many reasons that pass or that its operator can fix: a majority that was not
reached in time, an interrupted operation, a full disk, a quota, a missing right
(https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml). A write that failed
like this may still have been done. Errors that a store expects, like a duplicate key, it handles.
"""

_ANSWER_WITHIN = timedelta(seconds=3)
_SOCKET_LIMIT = timedelta(seconds=10)


@asynccontextmanager
async def open_database(uri: str, patience: timedelta) -> AsyncIterator[Database]:
    """Connect, wait until the server answers, and close at the end.

    Raises StoreUnavailableError if it does not answer within `patience`, and ConfigurationError
    if the address is invalid.
    """
    client = _client(uri, min(patience, _ANSWER_WITHIN))
    try:
        database = client.get_default_database(DEFAULT_DATABASE)
        await _wait_until_reachable(database, patience)
        yield database
    finally:
        client.close()


def _client(uri: str, answer_within: timedelta) -> AsyncIOMotorClient[dict[str, Any]]:
    try:
        _check_password(uri)
        return _client_of(uri, answer_within)
    except (errors.InvalidURI, ValueError) as error:
        # The driver's own text is not repeated: it can quote a part of the password.
        raise ConfigurationError(
            "MONGODB_URI is not an address we can use, like mongodb://host:27017/name. If USER:"
            "PASSWORD@ stands before the host, percent-encode the password, all of it but letters "
            "and digits (# is %23, / is %2F, @ is %40)"
        ) from error
    except (errors.PyMongoError, UserWarning, OSError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"MONGODB_URI cannot be used with its options: {why}") from error


def _client_of(uri: str, answer_within: timedelta) -> AsyncIOMotorClient[dict[str, Any]]:
    with warnings.catch_warnings():
        # With a warning only, the driver would leave an option out, and so do without TLS.
        warnings.simplefilter("error", UserWarning)
        return AsyncIOMotorClient(
            uri,
            tz_aware=True,
            w="majority",
            journal=True,
            readPreference="primary",
            appname="chatgrow",
            serverSelectionTimeoutMS=_milliseconds(answer_within),
            connectTimeoutMS=_milliseconds(_ANSWER_WITHIN),
            socketTimeoutMS=_milliseconds(_SOCKET_LIMIT),
        )


def _check_password(uri: str) -> None:
    """Raise ValueError for a password with `/`, `?` or `#`, of which the driver makes a host."""
    _, _, address = uri.partition("://")
    hosts = re.split("[/?#]", address, maxsplit=1)
    if len(hosts) > 1 and "@" in hosts[1]:
        raise ValueError("an @ behind the hosts")


async def _wait_until_reachable(database: Database, patience: timedelta) -> None:
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(NO_ANSWER),
        stop=stop_after_delay(patience),
        wait=wait_with_jitter(multiplier=0.2, max=5),
        before_sleep=_say_that_we_wait,
        reraise=True,
    )
    try:
        async for attempt in retrying:
            with attempt:
                await database.command("ping")
    except Refused as error:
        raise StoreUnavailableError(refusal(error)) from error
    except errors.PyMongoError as error:
        raise StoreUnavailableError(
            "MongoDB does not answer: check MONGODB_URI, the server and its access list. "
            f"{brief(error)}"
        ) from error


def _say_that_we_wait(state: RetryCallState) -> None:
    logger.warning(
        "MongoDB (MONGODB_URI) does not answer yet, try {}; waiting for it", state.attempt_number
    )


def brief(error: BaseException) -> str:
    """Return the text of a MongoDB error without the driver's details of the topology."""
    return str(error).split(" (configured", 1)[0].split(", Timeout:", 1)[0][:300]


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


_RIGHTS = (13, 18, 8000)
"""Unauthorized, AuthenticationFailed, and AtlasError, with which Atlas reports a full quota."""


def refusal(error: errors.OperationFailure) -> str:
    """Describe what MongoDB refused, and which rights or quota its user needs."""
    text = f"MongoDB refuses: {brief(error).partition(', full error')[0].rstrip('.')}."
    if error.code in _RIGHTS:
        text += " MONGODB_URI needs a user with readWrite on its database, and its quota some room."
    return text


async def forget_after(
    collection: Collection, field: str, keep_for: timedelta, name: str | None = None
) -> None:
    """Let MongoDB remove documents `keep_for` after the time in a field.

    Changes the time of an existing index. Without `name` the index has MongoDB's default name.
    """
    seconds, name = int(keep_for.total_seconds()), name or f"{field}_1"
    present = (await collection.index_information()).get(name)
    if present is None:
        await collection.create_index(field, name=name, expireAfterSeconds=seconds)
    elif present.get("expireAfterSeconds") != seconds:
        index = {"name": name, "expireAfterSeconds": seconds}
        await collection.database.command("collMod", collection.name, index=index)


async def database_answers(database: Database) -> bool:
    """Tell whether MongoDB answers and lets us write; a ping alone would need no rights."""
    claims = database["claims"].with_options(write_concern=WriteConcern(w=1, j=False))
    try:
        await claims.update_one({"_id": None}, {"$unset": {"nothing": True}})  # matches nothing
    except errors.PyMongoError:
        return False
    return True


async def server_time(database: Database) -> datetime:
    """Return the time of MongoDB's own clock, in UTC; raise STORE_DOWN errors."""
    answer: dict[str, Any] = await database.command("hello")
    # A command's times are naive, although the client is set to `tz_aware`.
    return cast("datetime", answer["localTime"]).replace(tzinfo=UTC)

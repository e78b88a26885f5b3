"""Reach MongoDB through Motor; the stores beside this module are the only ones that know it.

Motor is past its end of life upstream; PyMongo's own async client has the same methods, so the
change stays inside `sessions`.
"""

from __future__ import annotations

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
"""What a store raises while MongoDB cannot be reached."""
Refused = errors.OperationFailure
"""What is raised when MongoDB answers, and refuses what it was asked."""
STORE_DOWN = (*NO_ANSWER, Refused)
"""What a store raises while MongoDB cannot be reached or refuses; asking again later helps.

It refuses for many reasons that pass, and that only its operator can end: a majority that was not
reached in time, an interrupted operation, a full disk, a quota, a missing right
(https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml). What was written is
then not accepted, though it may be there. What a store expects, like a duplicate key, it handles.
"""

_ANSWER_WITHIN = timedelta(seconds=3)
_SOCKET_LIMIT = timedelta(seconds=10)


@asynccontextmanager
async def open_database(uri: str, patience: timedelta) -> AsyncIterator[Database]:
    """Connect, wait until the server answers, and close at the end.

    Raises StoreUnavailableError when it does not answer within `patience`, and ConfigurationError
    at once when the address cannot work.
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
        return AsyncIOMotorClient(
            uri,
            tz_aware=True,
            w="majority",
            journal=True,
            appname="chatgrow",
            serverSelectionTimeoutMS=_milliseconds(answer_within),
            connectTimeoutMS=_milliseconds(_ANSWER_WITHIN),
            socketTimeoutMS=_milliseconds(_SOCKET_LIMIT),
        )
    except (errors.PyMongoError, ValueError) as error:
        # What the driver says can quote a part of the password.
        raise ConfigurationError(
            "MONGODB_URI is not an address we can use, like mongodb://host:27017/name; "
            "USER:PASSWORD@ may stand before the host, all but letters and digits percent-encoded"
        ) from error


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
    """Return what a MongoDB error says, without the driver's state of the world."""
    return str(error).split(" (configured", 1)[0].split(", Timeout:", 1)[0][:300]


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


_RIGHTS = (13, 18, 8000)
"""Unauthorized, AuthenticationFailed, and AtlasError: a hosted MongoDB tells so of its quota."""


def refusal(error: errors.OperationFailure) -> str:
    """Say what MongoDB refuses, and what a user that lacks a right needs."""
    text = f"MongoDB refuses: {brief(error).partition(', full error')[0].rstrip('.')}."
    if error.code in _RIGHTS:
        text += " MONGODB_URI needs a user with readWrite on its database, and its quota some room."
    return text


async def forget_after(
    collection: Collection, field: str, keep_for: timedelta, name: str | None = None
) -> None:
    """Let MongoDB remove documents some time after the time in a field, whatever was set before.

    The index is called `name`, or as MongoDB calls it.
    """
    seconds, name = int(keep_for.total_seconds()), name or f"{field}_1"
    present = (await collection.index_information()).get(name)
    if present is None:
        await collection.create_index(field, name=name, expireAfterSeconds=seconds)
    elif present.get("expireAfterSeconds") != seconds:
        index = {"name": name, "expireAfterSeconds": seconds}
        await collection.database.command("collMod", collection.name, index=index)


async def database_answers(database: Database) -> bool:
    """Tell whether MongoDB answers now and lets us write; a ping alone needs no right."""
    nobody = database["claims"].with_options(write_concern=WriteConcern(w=1, j=False))
    try:
        await nobody.update_one({"_id": None}, {"$unset": {"nothing": True}})
    except errors.PyMongoError:
        return False
    return True


async def server_time(database: Database) -> datetime:
    """Return what MongoDB's own clock says, in UTC; raise STORE_DOWN errors."""
    answer: dict[str, Any] = await database.command("hello")
    # Naive here, whatever the client is told about time zones.
    return cast("datetime", answer["localTime"]).replace(tzinfo=UTC)

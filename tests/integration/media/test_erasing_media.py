"""Files go with the people and the connections that they belong to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.connections.model import Connection
from sessions.deletion import recipients
from sessions.deletion.recipients import DeletedData, Erasures
from sessions.media.janitor import MediaJanitor
from sessions.media.kinds import MediaKind
from sessions.media.store import NewMedia
from sessions.messages.content import Kind
from sessions.messages.media_uses import MediaUses
from sessions.messages.model import Draft, UsedMedia
from tests.builders import OWNER, TO, Stores

if TYPE_CHECKING:
    from arq.connections import ArqRedis

OTHER = "15551112222@c.us"


async def _pieces() -> AsyncIterator[bytes]:
    yield b"%PDF-1.7"


async def _file(stores: Stores, connection: str | None = None) -> str:
    return (await stores.media.add(NewMedia(OWNER, connection), _pieces())).id


async def _message(stores: Stores, connection: Connection, file: str, to: str = TO) -> None:
    used = UsedMedia(media_id=file, mimetype="application/pdf", size=8, kind=MediaKind.DOCUMENT)
    draft = Draft(id=new_id(), to=to, kind=Kind.MEDIA, content="{}", media=used)
    await stores.add(connection, [draft])


async def _left(stores: Stores) -> set[str]:
    chunks = await stores.database["media.chunks"].distinct("files_id")
    assert set(chunks) == set(await stores.database["media.files"].distinct("_id"))
    return set(chunks)


async def test_what_only_an_erased_person_got_is_erased(stores: Stores, redis: ArqRedis) -> None:
    connection = await stores.connection()
    theirs, shared, forwarded, unused = [await _file(stores) for _ in range(4)]
    for file, to in ((theirs, TO), (theirs, TO), (shared, TO), (shared, OTHER), (forwarded, TO)):
        await _message(stores, connection, file, to)
    brought = {"_id": new_id(), "key": "k", "media": {"mediaId": forwarded}}
    await stores.database["receivedMessages"].insert_one(brought)
    erasures = Erasures(stores.database, redis, stores.events)
    await erasures.erase(OWNER, TO)
    assert await _left(stores) == {shared, forwarded, unused}


async def test_what_a_deleted_connection_received_is_removed(
    stores: Stores, redis: ArqRedis
) -> None:
    connection = await stores.connection()
    received, uploaded = await _file(stores, connection.id), await _file(stores)
    removed = {"_id": connection.id, "removedAt": utc_now() - timedelta(days=2)}
    await stores.database["removedConnections"].insert_one(removed)
    await DeletedData(stores.database, redis).remove(utc_now())
    assert await _left(stores) == {uploaded}
    assert received not in await _left(stores)


async def test_what_a_deleted_connection_received_stays_while_another_sends_it_on(
    stores: Stores, redis: ArqRedis
) -> None:
    deleted, other = await stores.connection(), await stores.connection("other")
    sent_on, received = await _file(stores, deleted.id), await _file(stores, deleted.id)
    await _message(stores, other, sent_on)
    removed = {"_id": deleted.id, "removedAt": utc_now() - timedelta(days=2)}
    await stores.database["removedConnections"].insert_one(removed)
    await DeletedData(stores.database, redis).remove(utc_now())
    assert await _left(stores) == {sent_on}
    assert received not in await _left(stores)
    await stores.outbox.cancel_queued(other.id)
    # The janitor looks again a day later.
    over = {"$set": {"metadata.expiresAt": utc_now() - timedelta(seconds=1)}}
    await stores.database["media.files"].update_many({}, over)
    await MediaJanitor(stores.database, MediaUses(stores.database).needed).tidy()
    assert await _left(stores) == set()


async def test_what_only_a_deleted_connection_sent_is_removed(
    stores: Stores, redis: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipients, "_AT_ONCE", 1)  # one batch for each message
    deleted, other = await stores.connection(), await stores.connection("other")
    alone, twice, shared = [await _file(stores) for _ in range(3)]
    for file in (alone, twice, twice, shared):
        await _message(stores, deleted, file)
    await _message(stores, other, shared)
    removed = {"_id": deleted.id, "removedAt": utc_now() - timedelta(days=2)}
    await stores.database["removedConnections"].insert_one(removed)
    await DeletedData(stores.database, redis).remove(utc_now())
    assert await _left(stores) == {shared}

"""Files are stored encrypted, streamed both ways, and removed when nothing needs them."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessions.common.callers import FIRST_OWNER
from sessions.encryption.frames import FRAME_BYTES
from sessions.encryption.keys import Key, KeyRing
from sessions.media.errors import (
    MediaDamagedError,
    MediaEmptyError,
    MediaKeyMissingError,
    MediaNotFoundError,
    MediaQuotaError,
    MediaTooLargeError,
)
from sessions.media.janitor import MediaEraser, MediaJanitor
from sessions.media.model import StoredMedia
from sessions.media.rotation import RotatedFiles, rotate_media
from sessions.media.store import MediaLimits, MediaStore, NewMedia
from sessions.storage.mongo import server_time

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

MIB = 1024 * 1024
KEYS = KeyRing([Key("one", b"1" * 32)])
LIMITS = MediaLimits(10 * MIB, 12 * MIB, timedelta(days=7), timedelta(days=30))
PATTERN = bytes(range(256)) * 4096


@pytest.fixture
async def media(database: Database) -> MediaStore:
    store = MediaStore(database, KEYS, LIMITS)
    await store.prepare()
    return store


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _add(store: MediaStore, *pieces: bytes, owner: str = "dana", **more: Any) -> StoredMedia:
    return await store.add(NewMedia(owner, **more), _pieces(*pieces))


async def _read(store: MediaStore, media: StoredMedia, *bounds: int) -> bytes:
    return b"".join([piece async for piece in store.read(media, *bounds)])


async def _needed_by_nobody(ids: Any) -> set[str]:
    return set()


async def _chunks(database: Database) -> int:
    return await database["media.chunks"].count_documents({})


@pytest.mark.parametrize("size", [1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 3 * MIB + 7])
async def test_a_file_is_read_as_it_was_stored(media: MediaStore, size: int) -> None:
    content = (PATTERN * 4)[:size]
    stored = await _add(media, content[: size // 3], content[size // 3 :])
    assert (stored.metadata.size, stored.metadata.sha256) == (
        size,
        hashlib.sha256(content).hexdigest(),
    )
    again = await media.find("dana", stored.id)
    assert await _read(media, again) == content
    for start, end in ((0, 1), (size - 1, size), (size // 2, size // 2 + 1), (size // 3, size)):
        assert await _read(media, again, start, end) == content[start:end]


async def test_what_is_stored_is_encrypted(media: MediaStore, database: Database) -> None:
    await _add(media, b"a secret text" * 100, filename="secret name.txt")
    stored = [each async for each in database["media.chunks"].find()]
    stored += [each async for each in database["media.files"].find()]
    assert stored
    assert b"secret" not in b"".join(str(each).encode() for each in stored)


async def test_nobody_else_finds_it(media: MediaStore) -> None:
    stored = await _add(media, b"hers", filename="hers.txt")
    with pytest.raises(MediaNotFoundError):
        await media.find("noa", stored.id)
    assert (await media.find(None, stored.id)).id == stored.id
    assert media.filename_of(stored) == "hers.txt"


async def test_a_large_file_needs_little_memory(media: MediaStore, database: Database) -> None:
    store = MediaStore(database, KEYS, MediaLimits(64 * MIB, 99 * MIB, *[timedelta(days=1)] * 2))

    async def content() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(MIB)

    tracemalloc.start()
    try:
        stored = await store.add(NewMedia(FIRST_OWNER), content())
        size = 0
        async for piece in store.read(stored):
            size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == 50 * MIB
    assert peak < 16 * MIB


@pytest.mark.parametrize(
    ("pieces", "error"),
    [([], MediaEmptyError), ([b"", b""], MediaEmptyError), ([bytes(MIB)] * 11, MediaTooLargeError)],
)
async def test_of_a_refused_file_nothing_stays(
    media: MediaStore, database: Database, pieces: list[bytes], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await _add(media, *pieces)
    assert await _chunks(database) == 0


async def test_of_an_interrupted_upload_nothing_stays(
    media: MediaStore, database: Database
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(3 * MIB)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await media.add(NewMedia("dana"), broken())
    assert await _chunks(database) == 0


async def test_an_owner_has_a_quota(media: MediaStore, database: Database) -> None:
    first = await _add(media, bytes(9 * MIB))
    with pytest.raises(MediaQuotaError):
        await _add(media, bytes(4 * MIB))
    with pytest.raises(MediaQuotaError):
        await media.require_room("dana", 4 * MIB)
    await _add(media, bytes(4 * MIB), owner="noa")
    await _add(media, bytes(9 * MIB), owner=FIRST_OWNER)
    await _add(media, bytes(9 * MIB), owner=FIRST_OWNER)
    await media.remove([first.id])
    await _add(media, bytes(4 * MIB))
    assert await database["media.files"].count_documents({"metadata.owner": "dana"}) == 1


async def test_without_the_key_nothing_is_stored_or_read(
    media: MediaStore, database: Database
) -> None:
    stored = await _add(media, b"content")
    for keys in (None, KeyRing([Key("two", b"2" * 32)])):
        other = MediaStore(database, keys, LIMITS)
        with pytest.raises(MediaKeyMissingError):
            await _read(other, stored)
    with pytest.raises(MediaKeyMissingError):
        await _add(MediaStore(database, None, LIMITS), b"content")


async def test_frames_cannot_be_swapped_cut_or_taken_from_another_file(
    media: MediaStore, database: Database
) -> None:
    chunks = database["media.chunks"]
    one, other = [await _add(media, PATTERN, PATTERN, PATTERN) for _ in range(2)]

    async def put(number: int, data: bytes) -> None:
        await chunks.update_one({"files_id": one.id, "n": number}, {"$set": {"data": data}})

    async def data(of: StoredMedia, number: int) -> bytes:
        chunk = await chunks.find_one({"files_id": of.id, "n": number})
        assert chunk is not None
        return bytes(chunk["data"])

    good = [await data(one, number) for number in range(3)]
    for number, wrong in (
        (0, good[1]),
        (1, await data(other, 1)),
        (1, good[1][:-1]),
        (2, good[1]),
        (1, b""),
        (1, good[1][:7] + b"?" + good[1][8:]),
    ):
        await put(number, wrong)
        with pytest.raises(MediaDamagedError):
            await _read(media, one)
        await put(number, good[number])
    assert len(await _read(media, one)) == 3 * MIB
    await chunks.delete_one({"files_id": one.id, "n": 2})
    with pytest.raises(MediaDamagedError):
        await _read(media, one)
    shorter = {"metadata.size": 2 * MIB, "length": len(good[0]) + len(good[1])}
    await database["media.files"].update_one({"_id": one.id}, {"$set": shorter})
    with pytest.raises(MediaDamagedError):
        await _read(media, await media.find(one.metadata.owner, one.id))


async def test_a_file_goes_when_its_time_is_over_and_nothing_needs_it(
    media: MediaStore, database: Database
) -> None:
    over, used, needed = [await _add(media, bytes(2 * MIB)) for _ in range(3)]
    now = await server_time(database)
    await media.use("dana", [used.id], now)
    age = {"$set": {"metadata.expiresAt": now - timedelta(seconds=1)}}
    await database["media.files"].update_many({"_id": {"$in": [over.id, needed.id]}}, age)

    async def still_needed(ids: Any) -> set[str]:
        return {needed.id} & set(ids)

    await MediaJanitor(database, still_needed).tidy()
    with pytest.raises(MediaNotFoundError):
        await media.find("dana", over.id)
    for kept in (used, needed):
        assert len(await _read(media, await media.find("dana", kept.id))) == 2 * MIB
    assert await _chunks(database) == 4


async def test_chunks_without_a_record_go_when_no_upload_can_need_them(
    media: MediaStore, database: Database
) -> None:
    stored = await _add(media, bytes(2 * MIB))
    chunks = database["media.chunks"]
    await chunks.insert_one({"files_id": "0" * 26, "n": 0, "data": b"left"})
    await chunks.insert_one({"files_id": "7" + "z" * 25, "n": 0, "data": b"running"})
    await MediaJanitor(database, _needed_by_nobody).tidy()
    left = sorted(await chunks.distinct("files_id"))
    assert left == sorted([stored.id, "7" + "z" * 25])


async def test_files_are_removed_with_their_connection_or_owner(
    media: MediaStore, database: Database
) -> None:
    received = await _add(media, b"received", connection="first")
    kept = await _add(media, b"received", connection="second")
    hers = await _add(media, b"uploaded", owner="noa")
    await MediaJanitor(database, _needed_by_nobody).retire(["first"])
    await MediaEraser(database).of_owner("noa")
    for gone in (received, hers):
        with pytest.raises(MediaNotFoundError):
            await media.find(None, gone.id)
    assert (await media.find("dana", kept.id)).id == kept.id
    assert await _chunks(database) == 1


async def test_keys_are_rotated_without_touching_the_bytes(
    media: MediaStore, database: Database
) -> None:
    stored = await _add(media, PATTERN, PATTERN, filename="a name.txt")
    chunks = [each["data"] async for each in database["media.chunks"].find(sort=[("n", 1)])]
    new = Key("two", b"2" * 32)
    both = KeyRing([new, KEYS.first])
    assert await rotate_media(database, both) == RotatedFiles(1, 0)
    assert await rotate_media(database, both) == RotatedFiles(0, 0)
    assert await rotate_media(database, KeyRing([Key("three", b"3" * 32)])) == RotatedFiles(0, 1)
    only_new = MediaStore(database, KeyRing([new]), LIMITS)
    again = await only_new.find("dana", stored.id)
    assert await _read(only_new, again) == PATTERN * 2
    assert only_new.filename_of(again) == "a name.txt"
    after = [each["data"] async for each in database["media.chunks"].find(sort=[("n", 1)])]
    assert after == chunks

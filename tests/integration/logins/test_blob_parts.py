"""What of a login stays the same is stored once, and every saved session still stands by itself."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from sessions.blobs import (
    Blob,
    BlobKind,
    BlobStore,
    SaveConflictError,
    Saved,
    UploadDamagedError,
    dedup,
)
from sessions.common.clock import utc_now
from sessions.common.errors import LeaseLostError
from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.keys import Key, KeyRing
from tests.blob_profiles import OTHERS, contents, login, tables, write_profile
from tests.blob_saver import DUMP, KEYS, Saver
from tests.builders import Stores

_SIZE = 1_200_000  # more than one chunk
_A, _B, _C, _D = (os.urandom(_SIZE) for _ in range(4))
_NEW_KEY = Key("new", b"2" * 32)
_BOTH = KeyRing([_NEW_KEY, KEYS.first])


@pytest.fixture
async def saver(stores: Stores, tmp_path: Path) -> Saver:
    _, lease = await stores.leased()
    return Saver(stores.database, lease, tmp_path)


async def _save(saver: Saver, text: bytes, *content: bytes) -> Saved:
    saver.write(text, tables=content)
    saved = await saver.blobs.save(saver.lease, saver.profile, BlobKind.HOT, DUMP, utc_now())
    assert saved is not None
    return saved


async def _saved(saver: Saver, text: bytes, *content: bytes) -> Blob:
    return (await _save(saver, text, *content)).blob


async def _stored_bytes(saver: Saver) -> int:
    return sum([each["length"] async for each in saver.files.find()])


async def test_a_later_save_adds_only_what_is_new(saver: Saver) -> None:
    first = await _save(saver, b"one", _A, _B)
    assert first.added == first.size == await _stored_bytes(saver) > 2 * _SIZE
    second = await _save(saver, b"two", _A, _B, _C)
    assert set(first.blob.parts) < set(second.blob.parts)
    assert _SIZE < second.added < _SIZE + 10_000
    assert second.size - first.size == pytest.approx(_SIZE, abs=10_000)
    assert await _stored_bytes(saver) == first.added + second.added
    assert await saver.restored(first.blob) == {**login(b"one"), **tables([_A, _B])}
    assert await saver.restored(second.blob) == {**login(b"two"), **tables([_A, _B, _C])}


async def test_small_and_changing_files_stay_in_the_blob_itself(saver: Saver) -> None:
    saver.write(b"one", ballast=_A, tables=[b"small"])
    blob = await saver.save()
    assert blob is not None
    assert not blob.parts
    assert await saver.stored() == {blob.id}


async def test_every_kept_save_of_many_comes_back_byte_by_byte(saver: Saver) -> None:
    content = [os.urandom(300_000) for _ in range(10)]
    saves = [(f"save {n}".encode(), content[n : n + 4]) for n in range(7)]
    blobs = [await _saved(saver, text, *tables_) for text, tables_ in saves]
    assert await saver.blobs.blobs_of(saver.id) == blobs[:3:-1]
    assert await saver.stored() == await saver.named()
    assert len(await saver.named()) == 3 + 6
    for blob, (text, tables_) in list(zip(blobs, saves, strict=True))[4:]:
        assert await saver.restored(blob) == {**login(text), **tables(tables_)}


async def test_equal_files_are_stored_once_and_come_back_both(saver: Saver) -> None:
    saved = await _save(saver, b"one", _A, _A)
    assert len(saved.blob.parts) == 1
    assert saved.added < _SIZE + 10_000
    assert await saver.restored(saved.blob) == {**login(b"one"), **tables([_A, _A])}


async def test_unchanged_content_is_not_saved_again_whatever_its_age(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = await _saved(saver, b"one", _A)
    monkeypatch.setattr(dedup, "REUSED_FOR", timedelta(0))
    assert await saver.save() is None
    assert await saver.stored() == await saver.named() == blob.files


async def test_an_old_part_is_stored_anew(saver: Saver, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await _saved(saver, b"one", _A)
    monkeypatch.setattr(dedup, "REUSED_FOR", timedelta(0))
    second = await _saved(saver, b"two", _A)
    assert not set(first.parts) & set(second.parts)
    assert await saver.restored(second) == {**login(b"two"), **tables([_A])}


type_damage = Callable[[Saver, Blob], Awaitable[Any]]


async def _flip(saver: Saver, blob: Blob) -> None:
    chunk = await saver.chunks.find_one({"files_id": ObjectId(blob.parts[-1]), "n": 0})
    assert chunk is not None
    data = bytearray(chunk["data"])
    data[len(data) // 2] ^= 1
    await saver.chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": bytes(data)}})


async def _cut(saver: Saver, blob: Blob) -> None:
    await saver.chunks.delete_one({"files_id": ObjectId(blob.parts[-1]), "n": 1})


async def _cut_and_lie(saver: Saver, blob: Blob) -> None:
    await _cut(saver, blob)
    await _change(saver, blob.parts[-1], {"length": 1024 * 1024})


async def _lose(saver: Saver, blob: Blob) -> None:
    await saver.files.delete_one({"_id": ObjectId(blob.parts[-1])})


async def _change_header(saver: Saver, blob: Blob) -> None:
    await _change(saver, blob.parts[-1], {"metadata.wrapping.wrappedKey": bytes(48)})


async def _lose_header(saver: Saver, blob: Blob) -> None:
    await saver.files.update_one({"_id": ObjectId(blob.parts[-1])}, {"$unset": {"metadata": 1}})


async def _claim_another_connection(saver: Saver, blob: Blob) -> None:
    await _change(saver, blob.parts[-1], {"metadata.connection": "another"})


async def _claim_another_save(saver: Saver, blob: Blob) -> None:
    await _change(saver, blob.parts[-1], {"metadata.serial": 1})


async def _swap(saver: Saver, blob: Blob) -> None:
    """Put the other new part of the same save into this one's place, its header too."""
    one, other = (ObjectId(each) for each in blob.parts[-2:])
    await saver.chunks.delete_many({"files_id": other})
    copies = [
        {"files_id": other, "n": each["n"], "data": each["data"]}
        async for each in saver.chunks.find({"files_id": one})
    ]
    await saver.chunks.insert_many(copies)
    found = await saver.files.find_one({"_id": one})
    assert found is not None
    await saver.files.update_one({"_id": other}, {"$set": {"metadata": found["metadata"]}})


async def _swap_and_lie(saver: Saver, blob: Blob) -> None:
    found = await saver.files.find_one({"_id": ObjectId(blob.parts[-1])})
    assert found is not None
    await _swap(saver, blob)
    await _change(saver, blob.parts[-1], {"metadata.part": found["metadata"]["part"]})


async def _forget(saver: Saver, blob: Blob) -> None:
    """Take the part off the record, but not out of the blob's own list."""
    await saver.database["connections"].update_one(
        {"_id": saver.id}, {"$pull": {"blobs.0.parts": blob.parts[-1]}}
    )


async def _change(saver: Saver, file_id: str, change: dict[str, Any]) -> None:
    result = await saver.files.update_one({"_id": ObjectId(file_id)}, {"$set": change})
    assert result.modified_count == 1


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_flip, BlobReason.DAMAGED),
        (_cut, BlobReason.TRUNCATED),
        (_cut_and_lie, BlobReason.TRUNCATED),
        (_lose, BlobReason.MISSING),
        (_lose_header, BlobReason.DAMAGED),
        (_change_header, BlobReason.DAMAGED),
        (_claim_another_connection, BlobReason.FOREIGN),
        (_claim_another_save, BlobReason.ROLLED_BACK),
        (_swap, BlobReason.DAMAGED),
        (_swap_and_lie, BlobReason.DAMAGED),
        (_forget, BlobReason.MISSING),
    ],
)
async def test_a_part_that_does_not_verify_changes_nothing_and_a_blob_without_it_still_restores(
    saver: Saver, damage: type_damage, reason: BlobReason
) -> None:
    before = await _saved(saver, b"before", _A)
    newest = await _saved(saver, b"newest", _A, _B, _C)
    await damage(saver, newest)
    write_profile(saver.elsewhere, login(b"local"))
    untouched = contents(saver.elsewhere)
    [newest, _] = await saver.blobs.blobs_of(saver.id)
    with pytest.raises(BlobError) as caught:
        await saver.restored(newest)
    assert caught.value.reason is reason
    assert contents(saver.elsewhere) == untouched
    assert await saver.restored(before) == {**OTHERS, **login(b"before"), **tables([_A])}


@pytest.mark.parametrize(
    "damage", [_cut, _lose, _lose_header, _change_header, _claim_another_connection]
)
async def test_a_part_that_is_seen_to_be_damaged_is_stored_anew(
    saver: Saver, damage: type_damage
) -> None:
    first = await _saved(saver, b"one", _A, _B)
    await damage(saver, first)
    second = await _save(saver, b"two", _A, _B)
    assert second.blob.parts[0] == first.parts[0]
    assert second.blob.parts[1] != first.parts[1]
    assert await saver.restored(second.blob) == {**login(b"two"), **tables([_A, _B])}
    with pytest.raises(BlobError):
        await saver.restored(first)


async def test_an_upload_of_a_part_that_does_not_read_back_leaves_nothing(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await _saved(saver, b"old", _A)
    get = saver.blobs._files.get

    async def get_less(file_id: str, *arguments: Any) -> None:
        await saver.chunks.delete_one({"files_id": ObjectId(file_id)})
        await get(file_id, *arguments)

    monkeypatch.setattr(saver.blobs._files, "get", get_less)
    saver.write(b"new", tables=[_A, _B, _C])
    with pytest.raises(UploadDamagedError):
        await saver.save()
    assert await saver.stored() == await saver.named() == old.files


async def test_an_owner_that_loses_its_lease_while_it_saves_leaves_no_part(
    saver: Saver, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose() -> None:
        expired = {"$set": {"lease.expiresAt": utc_now() - timedelta(seconds=1)}}
        await saver.database["connections"].update_one({"_id": saver.id}, expired)
        assert await stores.leases("two").acquire(saver.id) is not None

    await _is_refused_and_leaves_nothing(saver, monkeypatch, lose, LeaseLostError)


async def test_a_save_behind_a_faster_one_leaves_no_part_and_takes_none_away(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster = Saver(saver.database, saver.lease, saver.profile.parent / "faster")

    async def overtake() -> None:
        for n in range(3):
            await _saved(faster, f"faster {n}".encode(), _D)

    await _is_refused_and_leaves_nothing(saver, monkeypatch, overtake, SaveConflictError)
    [newest, *_] = await saver.blobs.blobs_of(saver.id)
    assert await saver.restored(newest) == {**login(b"faster 2"), **tables([_D])}


async def test_a_discard_removes_the_parts_and_a_save_on_its_way_is_refused(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def discard() -> None:
        await saver.blobs.discard(saver.lease)

    await _is_refused_and_leaves_nothing(saver, monkeypatch, discard, SaveConflictError)
    assert await saver.stored() == set()


async def _is_refused_and_leaves_nothing(
    saver: Saver,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[], Awaitable[None]],
    error: type[Exception],
) -> None:
    """Save, the half of it shared with the save before, and act just before the pointer moves."""
    await _saved(saver, b"before", _A)
    push = saver.blobs._records.push

    async def push_after_act(*arguments: Any) -> set[str]:
        await act()
        return await push(*arguments)

    monkeypatch.setattr(saver.blobs._records, "push", push_after_act)
    saver.write(b"late", tables=[_A, _B])
    with pytest.raises(error):
        await saver.save()
    assert await saver.stored() == await saver.named()


async def test_the_sweep_removes_parts_that_no_record_names(saver: Saver) -> None:
    await _saved(saver, b"one", _A)
    abandoned = await _saved(saver, b"two", _A, _B)
    await saver.database["connections"].update_one({"_id": saver.id}, {"$pop": {"blobs": -1}})
    [kept] = await saver.blobs.blobs_of(saver.id)
    assert await saver.blobs.sweep(timedelta(minutes=10)) == 0
    assert await saver.stored() == kept.files | abandoned.files
    assert await saver.blobs.sweep(timedelta(0)) == 2
    assert await saver.stored() == kept.files
    assert await saver.restored(kept) == {**login(b"one"), **tables([_A])}


async def test_a_rotation_moves_the_parts_too_and_counts_sessions(saver: Saver) -> None:
    saved = [await _saved(saver, f"{n}".encode(), _A, _B) for n in range(2)]
    rotator = BlobStore(saver.database, _BOTH)
    assert await rotator.rewrap_all() == 2
    assert await saver.files.distinct("metadata.wrapping.keyId") == ["new"]
    saver.blobs = BlobStore(saver.database, KeyRing([_NEW_KEY]))
    for n, blob in enumerate(saved):
        assert await saver.restored(blob) == {**login(f"{n}".encode()), **tables([_A, _B])}
    assert (await _save(saver, b"later", _A, _B)).added < 10_000


@pytest.mark.parametrize("new", [_NEW_KEY, Key(KEYS.first.id, b"2" * 32)], ids=lambda key: key.id)
async def test_a_part_under_another_key_than_the_first_is_stored_anew(
    saver: Saver, new: Key
) -> None:
    await _saved(saver, b"one", _A)
    saver.blobs = BlobStore(saver.database, KeyRing([new]))
    blob = await _saved(saver, b"two", _A)
    assert await saver.restored(blob) == {**login(b"two"), **tables([_A])}

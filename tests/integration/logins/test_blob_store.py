"""Saved sessions in the real MongoDB: whole, encrypted, and moved by their owner only."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId, encode

from sessions.blobs import (
    Blob,
    BlobEraser,
    BlobKind,
    BlobStore,
    IncompleteProfileError,
    ProfileTooLargeError,
    SaveConflictError,
    UploadDamagedError,
)
from sessions.blobs import records as records_module
from sessions.blobs.gridfs import BlobFiles
from sessions.common.clock import utc_now
from sessions.common.errors import LeaseLostError
from sessions.connections.leases import Lease
from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.keys import Key, KeyRing
from tests.blob_profiles import LOGIN, OTHERS, contents, login, write_profile
from tests.blob_saver import KEYS, Saver
from tests.builders import Stores

_LARGE = bytes(range(256)) * 12_000


@pytest.fixture
async def saver(stores: Stores, tmp_path: Path) -> Saver:
    _, lease = await stores.leased()
    return Saver(stores.database, lease, tmp_path)


async def test_a_saved_login_comes_back_on_another_disk(saver: Saver) -> None:
    saver.write(LOGIN, _LARGE)
    blob = await saver.save()
    assert blob is not None
    assert await saver.restored(blob) == login(LOGIN, _LARGE)


async def test_the_record_says_what_was_saved(saver: Saver) -> None:
    blob = await saver.saved()
    document = await saver.database["connections"].find_one({"_id": saver.id})
    assert document is not None
    assert document["blobSerial"] == blob.serial == 1
    assert document["blobs"] == [
        {
            "id": blob.id,
            "serial": 1,
            "kind": "hot",
            "sha256": blob.sha256,
            "contentHash": blob.content_hash,
            "bytes": blob.size,
            "savedAt": blob.saved_at,
            "generation": saver.lease.generation,
            "parts": [],
        }
    ]
    assert await saver.blobs.blobs_of(saver.id) == [blob]


async def test_what_is_not_saved_has_no_blobs(saver: Saver) -> None:
    assert await saver.blobs.blobs_of(saver.id) == []
    assert await saver.blobs.blobs_of("nobody") == []


async def test_a_restore_keeps_the_other_files_of_the_profile(saver: Saver) -> None:
    blob = await saver.saved()
    write_profile(saver.elsewhere, login(b"old"))
    assert await saver.restored(blob) == {**OTHERS, **login()}


async def test_nothing_of_the_login_can_be_read_in_the_database(saver: Saver) -> None:
    saver.write(LOGIN, tables=[LOGIN * 10_000])
    blob = await saver.save()
    assert blob is not None
    assert blob.parts
    for name in await saver.database.list_collection_names():
        async for document in saver.database[name].find():
            stored = encode(document)
            for secret in (LOGIN, LOGIN[:16], b"WANoiseInfo", b"indexeddb", b"MANIFEST", b"1" * 32):
                assert secret not in stored, (name, secret)


async def test_unchanged_content_is_not_saved_again(saver: Saver) -> None:
    blob = await saver.saved()
    assert await saver.save() is None
    assert await saver.save(kind=BlobKind.CLEAN) is None
    assert await saver.stored() == await saver.named() == {blob.id}
    changed = await saver.saved(b"changed")
    assert changed.serial == 2


async def test_the_last_three_are_kept(saver: Saver) -> None:
    saved = [await saver.saved(f"login {n}".encode()) for n in range(5)]
    assert await saver.blobs.blobs_of(saver.id) == saved[:1:-1]
    assert await saver.stored() == {blob.id for blob in saved[2:]}
    assert await saver.restored(saved[2]) == login(b"login 2")


async def test_a_stale_owner_saves_nothing_and_leaves_nothing(saver: Saver, stores: Stores) -> None:
    blob = await saver.saved()
    await _taken_over(stores, saver)
    with pytest.raises(LeaseLostError):
        await saver.save(b"stale")
    assert await saver.stored() == await saver.named() == {blob.id}


async def test_an_owner_that_loses_its_lease_while_it_saves_leaves_nothing(
    saver: Saver, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = await saver.saved()

    async def lose() -> None:
        await _taken_over(stores, saver)

    _before_the_pointer_moves(saver, monkeypatch, lose)
    with pytest.raises(LeaseLostError):
        await saver.save(b"stale")
    assert await saver.stored() == await saver.named() == {blob.id}


async def test_an_owner_that_has_lost_its_lease_discards_nothing_of_the_new_one(
    saver: Saver, stores: Stores
) -> None:
    await saver.saved(b"before")
    new = await _new_owner(stores, saver)
    blob = await new.saved(b"of the new owner")
    with pytest.raises(LeaseLostError):
        await saver.blobs.discard(saver.lease)
    assert blob in await saver.blobs.blobs_of(saver.id)
    assert await saver.restored(blob) == login(b"of the new owner")


async def test_an_owner_that_is_held_up_in_its_discard_removes_nothing_of_the_new_one(
    saver: Saver, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    await saver.saved(b"before")
    remove_of, taken = BlobFiles.remove_of, list[Blob]()

    async def held_up(files: BlobFiles, *of: Any) -> None:
        new = await _new_owner(stores, saver)
        taken.append(await new.saved(b"of the new owner"))
        await remove_of(files, *of)

    monkeypatch.setattr(BlobFiles, "remove_of", held_up)
    await saver.blobs.discard(saver.lease)
    assert await saver.blobs.blobs_of(saver.id) == taken
    assert await saver.stored() == {taken[0].id}


async def test_of_two_saves_at_once_both_are_kept_or_one_says_so(saver: Saver) -> None:
    saver.write(LOGIN)
    results = await asyncio.gather(saver.save(), saver.save(), return_exceptions=True)
    saved = [result for result in results if isinstance(result, Blob)]
    assert len(saved) >= 1
    assert all(isinstance(result, Blob | SaveConflictError | None) for result in results)
    assert await saver.stored() == await saver.named() == {blob.id for blob in saved}


async def test_a_save_behind_a_faster_one_says_so_and_leaves_nothing(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster = Saver.__new__(Saver)
    faster.__dict__.update(saver.__dict__, blobs=BlobStore(saver.database, KEYS))

    async def overtake() -> None:
        await faster.saved(b"faster")

    _before_the_pointer_moves(saver, monkeypatch, overtake)
    with pytest.raises(SaveConflictError):
        await saver.save(b"slower")
    newest = await saver.blobs.blobs_of(saver.id)
    assert await saver.stored() == {blob.id for blob in newest}
    assert await saver.restored(newest[0]) == login(b"faster")


async def test_a_save_that_took_too_long_is_refused(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "COMMIT_WITHIN", timedelta(seconds=-1))
    with pytest.raises(SaveConflictError):
        await saver.save(LOGIN)
    assert await saver.stored() == set()


async def test_an_incomplete_profile_is_not_saved(saver: Saver) -> None:
    with pytest.raises(IncompleteProfileError):
        await saver.save()
    assert await saver.stored() == set()


async def test_a_profile_over_the_limit_is_not_saved(saver: Saver) -> None:
    saver.write(LOGIN, _LARGE)
    small = BlobStore(saver.database, KEYS, largest=1_000_000)
    with pytest.raises(ProfileTooLargeError):
        await small.save(saver.lease, saver.profile, BlobKind.HOT, None, utc_now())
    assert await saver.stored() == set()


async def test_a_discarded_connection_has_no_blobs_and_a_save_on_its_way_is_refused(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await saver.saved()
    _before_the_pointer_moves(saver, monkeypatch, lambda: saver.blobs.discard(saver.lease))
    with pytest.raises(SaveConflictError):
        await saver.save(b"on its way")
    assert await saver.stored() == await saver.named() == set()
    monkeypatch.undo()
    assert (await saver.saved(b"linked again")).serial == 3


async def test_a_deleted_connection_leaves_no_blobs(saver: Saver) -> None:
    await saver.saved()
    await saver.database["connections"].delete_one({"_id": saver.id})
    await BlobEraser(saver.database).discard(saver.id)
    assert await saver.stored() == set()


type_damage = Callable[[Saver, Blob], Awaitable[Any]]


async def _flip(saver: Saver, blob: Blob) -> None:
    chunk = await saver.chunks.find_one({"files_id": ObjectId(blob.id), "n": 1})
    assert chunk is not None
    data = bytearray(chunk["data"])
    data[len(data) // 2] ^= 1
    await saver.chunks.update_one({"_id": chunk["_id"]}, {"$set": {"data": bytes(data)}})


async def _cut(saver: Saver, blob: Blob) -> None:
    await saver.chunks.delete_one({"files_id": ObjectId(blob.id), "n": 2})


async def _cut_and_lie(saver: Saver, blob: Blob) -> None:
    await _cut(saver, blob)
    await saver.files.update_one({"_id": ObjectId(blob.id)}, {"$set": {"length": 2 * 1024 * 1024}})


async def _lose(saver: Saver, blob: Blob) -> None:
    await saver.files.delete_one({"_id": ObjectId(blob.id)})


async def _lose_header(saver: Saver, blob: Blob) -> None:
    await saver.files.update_one({"_id": ObjectId(blob.id)}, {"$unset": {"metadata": 1}})


async def _change_header(saver: Saver, blob: Blob) -> None:
    change = {"$set": {"metadata.wrapping.wrappedKey": bytes(48)}}
    await saver.files.update_one({"_id": ObjectId(blob.id)}, change)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_flip, BlobReason.DAMAGED),
        (_cut, BlobReason.TRUNCATED),
        (_cut_and_lie, BlobReason.TRUNCATED),
        (_lose, BlobReason.MISSING),
        (_lose_header, BlobReason.DAMAGED),
        (_change_header, BlobReason.DAMAGED),
    ],
)
async def test_a_blob_that_does_not_verify_changes_nothing_and_the_one_before_still_restores(
    saver: Saver, damage: type_damage, reason: BlobReason
) -> None:
    before = await saver.saved(b"before")
    saver.write(b"newest", secrets.token_bytes(3_000_000))
    newest = await saver.save()
    assert newest is not None
    await damage(saver, newest)
    write_profile(saver.elsewhere, login(b"local"))
    untouched = contents(saver.elsewhere)
    assert await _refused(saver, newest) is reason
    assert contents(saver.elsewhere) == untouched
    assert await saver.restored(before) == {**OTHERS, **login(b"before")}


async def test_a_blob_of_another_connection_is_refused_even_when_the_record_names_it(
    saver: Saver, stores: Stores
) -> None:
    blob = await saver.saved()
    other = await stores.connection("other")
    document = blob.model_dump(by_alias=True)
    record = {"$set": {"blobs": [document], "blobSerial": 1}}
    await saver.database["connections"].update_one({"_id": other.id}, record)
    [named] = await saver.blobs.blobs_of(other.id)
    with pytest.raises(BlobError) as caught:
        await saver.blobs.restore(other.id, named, saver.elsewhere)
    assert caught.value.reason is BlobReason.FOREIGN
    lie = {"$set": {"metadata.connection": other.id}}
    await saver.files.update_one({"_id": ObjectId(blob.id)}, lie)
    with pytest.raises(BlobError) as caught:
        await saver.blobs.restore(other.id, named, saver.elsewhere)
    assert caught.value.reason is BlobReason.DAMAGED
    assert not saver.elsewhere.exists()


async def test_an_older_save_presented_as_the_newest_is_refused(saver: Saver) -> None:
    old, new = await saver.saved(b"old"), await saver.saved(b"new")
    lying = old.model_copy(update={"serial": new.serial})
    assert await _refused(saver, lying) is BlobReason.ROLLED_BACK
    lie = {"$set": {"metadata.serial": new.serial}}
    await saver.files.update_one({"_id": ObjectId(old.id)}, lie)
    assert await _refused(saver, lying) is BlobReason.DAMAGED


@pytest.mark.parametrize(
    ("lie", "reason"),
    [({"sha256": "0" * 64}, BlobReason.DAMAGED), ({"size": 10**6}, BlobReason.TRUNCATED)],
)
async def test_a_blob_that_is_not_what_the_record_says_is_refused(
    saver: Saver, lie: dict[str, Any], reason: BlobReason
) -> None:
    blob = await saver.saved()
    assert await _refused(saver, blob.model_copy(update=lie)) is reason


async def test_an_upload_that_does_not_read_back_is_not_named(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await saver.saved(b"old")
    get = saver.blobs._files.get

    async def get_less(file_id: str, *arguments: Any) -> None:
        await saver.chunks.delete_one({"files_id": ObjectId(file_id)})
        await get(file_id, *arguments)

    monkeypatch.setattr(saver.blobs._files, "get", get_less)
    with pytest.raises(UploadDamagedError):
        await saver.save(b"new")
    assert await saver.stored() == await saver.named() == {old.id}


async def test_a_wrong_key_is_a_clear_error(saver: Saver) -> None:
    blob = await saver.saved()
    saver.blobs = BlobStore(saver.database, KeyRing([Key("two", b"2" * 32)]))
    with pytest.raises(BlobError, match=r"'one'.*SESSION_ENCRYPTION_KEYS") as caught:
        await saver.restored(blob)
    assert caught.value.reason is BlobReason.WRONG_KEY
    assert not saver.elsewhere.exists()


async def test_the_sweep_removes_what_no_record_names_and_is_old(saver: Saver) -> None:
    kept = {(await saver.saved(f"login {n}".encode())).id for n in range(2)}
    orphan = ObjectId()
    await saver.chunks.insert_one({"files_id": orphan, "n": 0, "data": b"half an upload"})
    abandoned = await saver.saved(b"abandoned")
    await saver.database["connections"].update_one({"_id": saver.id}, {"$pop": {"blobs": -1}})
    assert await saver.blobs.sweep(timedelta(minutes=10)) == 0
    assert await saver.stored() == {*kept, abandoned.id, str(orphan)}
    assert await saver.blobs.sweep(timedelta(0)) == 2
    assert await saver.stored() == kept
    assert await saver.blobs.sweep(timedelta(0)) == 0


async def _refused(saver: Saver, blob: Blob) -> BlobReason:
    with pytest.raises(BlobError) as caught:
        await saver.blobs.restore(saver.id, blob, saver.elsewhere)
    return caught.value.reason


def _before_the_pointer_moves(
    saver: Saver, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[None]]
) -> None:
    records = saver.blobs._records
    push = records.push

    async def push_after_act(*arguments: Any) -> set[str]:
        await act()
        return await push(*arguments)

    monkeypatch.setattr(records, "push", push_after_act)


async def _taken_over(stores: Stores, saver: Saver) -> Lease:
    """Let another worker take the connection."""
    expired = {"$set": {"lease.expiresAt": utc_now() - timedelta(seconds=1)}}
    await saver.database["connections"].update_one({"_id": saver.id}, expired)
    lease = await stores.leases("two").acquire(saver.id)
    assert lease is not None
    return lease


async def _new_owner(stores: Stores, saver: Saver) -> Saver:
    lease = await _taken_over(stores, saver)
    return Saver(saver.database, lease, saver.profile.parent / "two")

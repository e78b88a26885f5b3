"""Key rotation: every saved session moves to the first key, while workers save and restore."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sessions.blobs import Blob, BlobStore
from sessions.common.clock import utc_now
from sessions.config.settings import EXIT_CONFIGURATION
from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.keys import Key, KeyRing
from sessions.messages.content import Text
from sessions.messages.model import Draft
from sessions.messages.sealed_texts import TextSealer
from tests.blob_profiles import login
from tests.blob_saver import KEYS, Saver
from tests.builders import OWNER, TO, Stores
from tests.conftest import ROOT

if TYPE_CHECKING:
    from sessions.embedded import ServerUris

_OLD = KEYS.first
_NEW = Key("new", b"2" * 32)
_BOTH = KeyRing([_NEW, _OLD])
_ONLY_NEW = KeyRing([_NEW])


@pytest.fixture
async def saver(stores: Stores, tmp_path: Path) -> Saver:
    _, lease = await stores.leased()
    return Saver(stores.database, lease, tmp_path)


async def test_all_blobs_move_to_the_first_key_and_the_old_one_is_needed_no_more(
    saver: Saver,
) -> None:
    saved = [await saver.saved(f"login {n}".encode()) for n in range(3)]
    assert await BlobStore(saver.database, _BOTH).rewrap_all() == 3
    assert await BlobStore(saver.database, _BOTH).rewrap_all() == 0
    assert await saver.files.distinct("metadata.wrapping.keyId") == ["new"]
    assert await saver.blobs.blobs_of(saver.id) == saved[::-1]
    saver.blobs = BlobStore(saver.database, _ONLY_NEW)
    for number, blob in enumerate(saved):
        assert await saver.restored(blob) == login(f"login {number}".encode())


async def test_a_save_writes_under_the_first_key_and_reads_under_all(saver: Saver) -> None:
    old = await saver.saved(b"old")
    saver.blobs = BlobStore(saver.database, _BOTH)
    new = await saver.saved(b"new")
    assert await saver.restored(old) == login(b"old")
    saver.blobs = BlobStore(saver.database, _ONLY_NEW)
    assert await saver.restored(new) == login(b"new")
    assert await _refused(saver, old) is BlobReason.WRONG_KEY


async def test_unchanged_content_is_not_saved_again_after_a_rotation(saver: Saver) -> None:
    await saver.saved()
    saver.blobs = BlobStore(saver.database, _BOTH)
    await saver.blobs.rewrap_all()
    assert await saver.save() is None


async def test_rotations_saves_and_restores_at_once_disturb_each_other_not(saver: Saver) -> None:
    first = await saver.saved(b"first")
    rotator = BlobStore(saver.database, _BOTH)

    async def save() -> list[Blob]:
        return [await saver.saved(f"login {n}".encode()) for n in range(8)]

    async def rotate() -> None:
        while not saving.done():
            await rotator.rewrap_all()

    async def restore() -> None:
        while not saving.done():
            [newest, *_] = await saver.blobs.blobs_of(saver.id)
            reader = BlobStore(saver.database, _BOTH)
            await reader.restore(saver.id, newest, saver.elsewhere)

    saving = asyncio.create_task(save())
    await asyncio.gather(rotate(), rotate(), restore())
    assert first not in await saver.blobs.blobs_of(saver.id)
    await rotator.rewrap_all()
    saver.blobs = BlobStore(saver.database, _ONLY_NEW)
    assert await saver.restored((await saving)[-1]) == login(b"login 7")


async def test_a_blob_whose_key_is_lost_is_named_and_the_others_move(
    saver: Saver, stores: Stores, tmp_path: Path
) -> None:
    await saver.saved()
    other = await stores.connections.create(OWNER, "other", "Other", None, utc_now())
    lease = await stores.leases("one").acquire(other.id)
    assert lease is not None
    lost = Saver(saver.database, lease, tmp_path / "lost")
    lost.blobs = BlobStore(saver.database, KeyRing([Key("lost", b"3" * 32)]))
    await lost.saved()
    with pytest.raises(BlobError, match="'lost'"):
        await BlobStore(saver.database, _BOTH).rewrap_all()
    assert await saver.files.distinct("metadata.wrapping.keyId") == ["lost", "new"]


async def test_the_command_rotates_and_says_how_many(
    saver: Saver, stores: Stores, servers: ServerUris, tmp_path: Path
) -> None:
    blob = await saver.saved()
    message = "one"
    text = TextSealer(KeyRing([_OLD]), on=True).seal_content(message, Text(text="a text")).text
    connection = await stores.connections.get(saver.id)
    await stores.add(connection, [Draft(message, TO, text)])
    answers = [await _command(saver, servers, tmp_path, _NEW, _OLD) for _ in range(2)]
    assert [answer.returncode for answer in answers] == [0, 0]
    assert answers[0].stdout.startswith("1 saved session ")
    assert answers[1].stdout.startswith("0 saved sessions ")
    assert [f"Texts that moved: {n}." in answers[1 - n].stdout for n in (1, 0)] == [True, True]
    saver.blobs = BlobStore(saver.database, _ONLY_NEW)
    assert await saver.restored(blob) == login()
    moved = await stores.outbox.find(OWNER, message)
    assert TextSealer(_ONLY_NEW, on=False).open_content(moved) == Text(text="a text")


async def test_the_command_without_the_old_key_says_which_one_is_missing(
    saver: Saver, servers: ServerUris, tmp_path: Path
) -> None:
    await saver.saved()
    answer = await _command(saver, servers, tmp_path, _NEW)
    assert answer.returncode == EXIT_CONFIGURATION
    assert "'one'" in answer.stderr
    assert "Traceback" not in answer.stderr


async def _command(
    saver: Saver, servers: ServerUris, folder: Path, *keys: Key
) -> subprocess.CompletedProcess[str]:
    settings = {
        "MONGODB_URI": servers.mongo.replace("/chatgrow", f"/{saver.database.name}"),
        "SESSION_ENCRYPTION_KEYS": ",".join(key.text() for key in keys),
        "APP_ENV": "production",
        "DATA_DIR": str(folder / "data"),
    }
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "sessions", "rotate-keys"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def _refused(saver: Saver, blob: Blob) -> BlobReason:
    with pytest.raises(BlobError) as caught:
        await saver.restored(blob)
    return caught.value.reason

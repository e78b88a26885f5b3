"""A save or restore that ends anywhere loses no login and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gridfs.synchronous import grid_file
from pymongo import monitoring
from pymongo.errors import AutoReconnect

from sessions.blobs import store, transfer
from sessions.connections.leases import Lease
from sessions.storage.mongo import open_database
from tests.blob_profiles import OTHERS, contents, login, tables, write_profile
from tests.blob_saver import Saver
from tests.builders import Stores
from tests.conftest import ROOT
from tests.stepping import AtStep
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.embedded import ServerUris
    from sessions.encryption.frames import Readable, Writable

_BALLAST = os.urandom(2_500_000)
_TABLES = [os.urandom(1_300_000), os.urandom(300_000)]
_OLD, _NEW = login(b"old"), login(b"new", _BALLAST)
_NEW_IN_PARTS = {**login(b"new"), **tables(_TABLES)}
_KILLED = 9


@pytest.fixture
async def saver(stores: Stores, tmp_path: Path) -> Saver:
    _, lease = await stores.leased()
    return Saver(stores.database, lease, tmp_path)


@pytest.fixture(autouse=True)
def _small_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send chunk by chunk: a small upload is then cut where only a large one would be."""
    monkeypatch.setattr(grid_file, "_UPLOAD_BUFFER_SIZE", 1)


@pytest.mark.parametrize("again", [False, True], ids=["once", "again and again"])
async def test_a_save_that_is_cancelled_at_any_step_leaves_nothing_of_it(
    saver: Saver, again: bool
) -> None:
    files = _open_temporary_files()
    for step in count(1):
        await saver.saved(f"before {step}".encode())
        saver.write(f"after {step}".encode(), _BALLAST)
        reached = await _cancelled_at(step, saver.save(), again=again)
        assert await saver.stored() == await saver.named(), step
        assert _open_temporary_files() == files, step
        [newest, *_] = await saver.blobs.blobs_of(saver.id)
        before, after = login(f"before {step}".encode()), login(f"after {step}".encode(), _BALLAST)
        assert await saver.restored(newest) in (before, after), step
        if not reached:
            break
    assert step > 5
    await asyncio.to_thread(int)  # what a cancelled call might still do has had its turn
    assert await saver.stored() == await saver.named()
    assert await saver.blobs.sweep(timedelta(0)) == 0


async def test_a_restore_that_is_cancelled_at_any_step_leaves_the_old_or_the_new_login(
    saver: Saver,
) -> None:
    saver.write(b"new", _BALLAST)
    blob = await saver.save()
    assert blob is not None
    files = _open_temporary_files()
    for step in count(1):
        profile = write_profile(saver.elsewhere / f"{step}", login(b"old"))
        old = contents(profile)
        reached = await _cancelled_at(step, saver.blobs.restore(saver.id, blob, profile))
        assert contents(profile) in (old, {**OTHERS, **_NEW}), step
        assert len(list(saver.elsewhere.iterdir())) == step
        assert _open_temporary_files() == files, step
        if not reached:
            break
    assert step > 3


async def test_a_cancelled_save_ends_only_when_nothing_reads_the_profile_any_more(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, ended = threading.Event(), threading.Event()

    def pack(_profile: Path, _dump: object, _parts: object, out: Writable, _limit: int) -> str:
        started.set()
        for _ in range(200):  # MiB: far more than there is time for
            out.write(_BALLAST[: 1024 * 1024])
        return "hash"

    monkeypatch.setattr(transfer, "pack", _ending(pack, ended))
    await _cancelled_when(started, saver.save())
    assert ended.is_set()


async def test_a_cancelled_restore_ends_only_when_nothing_writes_to_the_profile_any_more(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver.write(b"new", _BALLAST)
    blob = await saver.save()
    assert blob is not None
    started, ended = threading.Event(), threading.Event()

    def unpack(source: Readable, _open: object, _profile: Path, _limit: int) -> None:
        started.set()
        while source.read(16):
            pass

    monkeypatch.setattr(store, "unpack", _ending(unpack, ended))
    await _cancelled_when(started, saver.blobs.restore(saver.id, blob, saver.elsewhere))
    assert ended.is_set()


@pytest.mark.parametrize("moved", [True, False])
async def test_a_save_of_which_mongodb_does_not_say_how_it_ended_loses_no_blob(
    saver: Saver, monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    old = await saver.saved(b"old")
    push = saver.blobs._records.push

    async def push_and_lose_the_answer(*arguments: Any) -> set[str]:
        if moved:
            await push(*arguments)
        raise AutoReconnect

    monkeypatch.setattr(saver.blobs._records, "push", push_and_lose_the_answer)
    with pytest.raises(AutoReconnect):
        await saver.save(b"new")
    [newest, *_] = await saver.blobs.blobs_of(saver.id)
    assert (newest != old) is moved
    assert await saver.restored(newest) == login(b"new" if moved else b"old")
    assert await saver.blobs.sweep(timedelta(0)) == (0 if moved else 1)
    assert await saver.restored(newest) == {**login(b"new" if moved else b"old")}


async def test_a_save_that_is_cancelled_when_any_part_is_stored_leaves_nothing_of_it(
    saver: Saver, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver.write(b"before", tables=_TABLES[:1])
    before = await saver.save()
    assert before is not None
    files = _open_temporary_files()
    for uploads in range(1, 5):
        saver.write(b"after", tables=[_TABLES[0], *(os.urandom(1_500_000) for _ in range(4))])
        with monkeypatch.context() as patch:
            await _cancelled_after(uploads, saver, patch)
        assert await saver.stored() == await saver.named() == before.files, uploads
        assert _open_temporary_files() == files, uploads
    assert await saver.restored(before) == {**login(b"before"), **tables(_TABLES[:1])}


async def test_a_worker_killed_around_any_command_of_a_save_loses_no_login(
    saver: Saver, servers: ServerUris, tmp_path: Path
) -> None:
    await saver.saved(b"old")
    saver.write(b"new", tables=_TABLES)
    uri = servers.mongo.replace("/chatgrow", f"/{saver.database.name}")
    async with _kills(uri, saver.id, tmp_path) as kill_at:
        for step in count(1):
            killed = await kill_at(step)
            [newest, *_] = await saver.blobs.blobs_of(saver.id)
            await saver.blobs.sweep(timedelta(0))
            assert await saver.stored() == await saver.named(), step
            assert await saver.restored(newest) in (_OLD, _NEW_IN_PARTS), step
            if not killed:
                break
            if newest.serial > 1:
                await saver.saved(b"old")
                saver.write(b"new", tables=_TABLES)
    assert await saver.restored(newest) == _NEW_IN_PARTS
    assert step > 10


def _ending(work: Callable[..., Any], ended: threading.Event) -> Callable[..., Any]:
    def until_end(*arguments: Any) -> Any:
        try:
            return work(*arguments)
        finally:
            ended.set()

    return until_end


async def _cancelled_when(started: threading.Event, work: Coroutine[Any, Any, Any]) -> None:
    task = asyncio.create_task(work)
    await until(started.is_set)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def _cancelled_after(uploads: int, saver: Saver, patch: pytest.MonkeyPatch) -> None:
    """Cancel a save when it has stored so many files."""
    put, left = saver.blobs._files.put, count(uploads - 1, -1)

    async def put_and_cancel(*arguments: Any) -> None:
        await put(*arguments)
        if next(left) == 0:
            task.cancel()

    patch.setattr(saver.blobs._files, "put", put_and_cancel)
    task = asyncio.create_task(saver.save())
    await asyncio.wait({task})
    assert task.cancelled()


async def _cancelled_at(step: int, work: Coroutine[Any, Any, Any], *, again: bool = False) -> bool:
    """Cancel the work where it waits for the nth time; tell whether it came so far."""
    task: asyncio.Task[Any]
    at_step = AtStep(step, lambda: task.cancel(), again=again)
    task = asyncio.create_task(at_step.run(work))
    await asyncio.wait({task})
    assert task.cancelled() == at_step.reached
    return at_step.reached


def _open_temporary_files() -> list[str]:
    """Return the nameless files that this process has open."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(handle.readlink()))
    return sorted(name for name in found if name.endswith("(deleted)"))


@asynccontextmanager
async def _kills(
    uri: str, connection: str, folder: Path
) -> AsyncIterator[Callable[[int], Awaitable[bool]]]:
    """Run a process that forks, saves and kills itself around the nth command that it sends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.logins.test_blob_ends"),
        *(uri, connection, str(folder)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def kill_at(step: int) -> bool:
        stdin.write(f"{step}\n".encode())
        code = int(await stdout.readline())
        assert code in (0, _KILLED)
        return code == _KILLED

    try:
        yield kill_at
    finally:
        stdin.close()
        assert await process.wait() == 0


class _KillAt(monitoring.CommandListener):
    """Kills this process before the nth command is sent, or after it was answered."""

    def __init__(self, step: int) -> None:
        self.left = step

    def started(self, _: monitoring.CommandStartedEvent) -> None:
        self._count()

    def succeeded(self, _: monitoring.CommandSucceededEvent) -> None:
        self._count()

    def failed(self, _: monitoring.CommandFailedEvent) -> None:
        self._count()

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(_KILLED)


async def _save_and_die(uri: str, connection: str, folder: Path, step: int) -> None:
    listener = _KillAt(-1)
    monitoring.register(listener)
    async with open_database(uri, timedelta(seconds=20)) as database:
        lease = Lease(connection, "one", "one", 1)
        saver = Saver(database, lease, folder)
        listener.left = step
        await saver.save()
        listener.left = -1


def _serve(uri: str, connection: str, folder: str) -> None:
    """Fork for every step that is asked for, while this process has no thread."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(_save_and_die(uri, connection, Path(folder), int(line)))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])

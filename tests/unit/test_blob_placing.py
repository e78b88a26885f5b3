"""A restore that ends anywhere leaves the old login or the new one, never a mix.

Every step at which a restore touches the disk is found by an audit hook, in a process forked for
it; there the process is killed, or the step fails. It is forked from a process that has nothing
but the restore in its memory, which takes a tenth of the time.
"""

from __future__ import annotations

import errno
import io
import multiprocessing
import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from sessions.blobs.archive import pack, unpack
from sessions.encryption import disk
from tests.blob_profiles import OTHERS, UNSAVED, contents, login, no_part, write_profile

_OLD = {**OTHERS, **UNSAVED, **login(b"old")}
_NEW = {**OTHERS, **login(b"new")}
# What only looks is no step: the disk is then as it is at the next one.
_STEPS = {"open", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.rename", "ctypes.dlsym"}
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload([__name__])
_KILLED = 9
_FAILED = 3
_RECOVERED = 4


class _At:
    """Does something at the nth step that touches a folder."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.left = step
        self._act = act

    def __call__(self, event: str, _: object) -> None:
        if event in _STEPS:
            self.left -= 1
            if self.left == 0:
                self._act()


def _kill() -> None:
    os._exit(_KILLED)


def _fail() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _restore(
    packed: bytes, profile: Path, step: int, act: Callable[[], None], *, exchanges: bool = True
) -> int | None:
    """Restore in a forked process that acts at that step; return 0 where it has fewer steps."""
    child = _FORKING.Process(target=_restored, args=(packed, profile, step, act, exchanges))
    child.start()
    child.join()
    return child.exitcode


def _restored(
    packed: bytes, profile: Path, step: int, act: Callable[[], None], exchanges: bool
) -> None:
    _never_wait_for_the_disk(pytest.MonkeyPatch(), exchanges)
    hook = _At(step, act)
    sys.addaudithook(hook)
    try:
        unpack(io.BytesIO(packed), no_part, profile)
    except BaseException:  # noqa: BLE001 - the parent reads the exit code
        os._exit(_FAILED)
    os._exit(0 if hook.left > 0 else _RECOVERED)


def _never_wait_for_the_disk(patch: pytest.MonkeyPatch, exchanges: bool) -> None:
    """What a killed process wrote is there all the same. Let folders be exchanged, or not."""
    patch.setattr(os, "fsync", lambda _: None)
    if not exchanges:
        patch.setattr(disk, "_swap_at_once", lambda *_: False)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    _never_wait_for_the_disk(monkeypatch, exchanges=True)


@pytest.fixture
def packed(tmp_path: Path) -> bytes:
    out = io.BytesIO()
    pack(write_profile(tmp_path / "source", login(b"new")), None, [], out)
    return out.getvalue()


@pytest.mark.parametrize("act", [_kill, _fail], ids=["killed", "failed"])
def test_a_restore_that_ends_at_any_step_leaves_the_old_or_the_new_login(
    tmp_path: Path, packed: bytes, act: Callable[[], None]
) -> None:
    seen = set()
    for step in count(1):
        profile = write_profile(tmp_path / f"{step}" / "profile", login(b"old"))
        code = _restore(packed, profile, step, act)
        found = contents(profile)
        assert found in (_OLD, _NEW), step
        seen.add(found == _NEW)
        if code == 0:
            break
        if step % 5 == 0:
            unpack(io.BytesIO(packed), no_part, profile)
            assert contents(profile) == _NEW, step
            assert [path.name for path in profile.parent.iterdir()] == ["profile"], step
    assert seen == {False, True}
    assert step > 20


def test_a_restore_into_nothing_that_is_killed_leaves_nothing_or_all(
    tmp_path: Path, packed: bytes
) -> None:
    for step in count(1):
        profile = tmp_path / f"{step}" / "profile"
        code = _restore(packed, profile, step, _kill)
        assert contents(profile) in ({}, login(b"new")), step
        if code == 0:
            break
        if step % 5 == 0:
            unpack(io.BytesIO(packed), no_part, profile)
            assert contents(profile) == login(b"new"), step


def test_where_folders_cannot_be_exchanged_a_kill_leaves_no_mix(
    tmp_path: Path, packed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _never_wait_for_the_disk(monkeypatch, exchanges=False)
    gone = {"Local State": OTHERS["Local State"]}
    for step in count(1):
        profile = write_profile(tmp_path / f"{step}" / "profile", login(b"old"))
        code = _restore(packed, profile, step, _kill, exchanges=False)
        assert contents(profile) in (_OLD, gone, _NEW), step
        if code == 0:
            break
        if step % 5 == 0:
            unpack(io.BytesIO(packed), no_part, profile)
            assert {**contents(profile), **OTHERS} == _NEW, step


def test_an_exchange_that_the_disk_refuses_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        disk.swap(tmp_path / "one", tmp_path / "other")

"""Whether a disk has room, and what a worker makes of that."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chatgrow_worker.browser.profiles_root import check_disk, check_room
from chatgrow_worker.page.errors import PageBrokenError
from sessions.common.disk_space import DiskState, DiskWatch, free_bytes, worst
from sessions.connections.states import Reason

MORE_THAN_ANY_DISK = 2**62


def test_a_disk_is_judged_by_what_is_free(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "made yet"
    assert abs(free_bytes(folder) - shutil.disk_usage(tmp_path).free) < 2**30
    assert DiskWatch(folder, 0, 0).state() is DiskState.OK
    assert DiskWatch(folder, MORE_THAN_ANY_DISK, 0).state() is DiskState.LOW
    assert DiskWatch(folder, 0, MORE_THAN_ANY_DISK).state() is DiskState.FULL


def test_the_worst_of_disks_counts() -> None:
    assert worst() is DiskState.OK
    assert worst(DiskState.LOW, DiskState.OK) is DiskState.LOW
    assert worst(DiskState.LOW, DiskState.FULL, DiskState.OK) is DiskState.FULL


def test_no_browser_is_started_or_kept_on_a_full_disk(tmp_path: Path) -> None:
    check_room(DiskWatch(tmp_path, full_below=0))
    with pytest.raises(PageBrokenError) as kept:
        check_room(DiskWatch(tmp_path, full_below=MORE_THAN_ANY_DISK))
    with pytest.raises(PageBrokenError) as started:
        check_disk(tmp_path, MORE_THAN_ANY_DISK)
    assert kept.value.reason is started.value.reason is Reason.DISK_FULL

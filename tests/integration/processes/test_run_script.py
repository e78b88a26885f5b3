"""`scripts/run.sh` where `var` cannot be made or written: it says whose it is and what to do."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

NOBODY = 65534
"""Root may write everywhere, so it is somebody else who starts it where the tests run as root."""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that others can reach too, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="chatgrow-run-") as name:
        folder = Path(name)
        (folder / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/run.sh", folder / "scripts")
        # What stands for supervisord tells that it was started.
        binary = folder / ".venv/bin/supervisord"
        binary.parent.mkdir(parents=True)
        binary.write_text("#!/bin/sh\necho started")
        binary.chmod(0o755)
        # The check before it is tested with the real programs: test_supervisord.
        python = folder / ".venv/bin/python"
        python.write_text("#!/bin/sh\nexit 0")
        python.chmod(0o755)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    somebody = NOBODY if os.geteuid() == 0 else None
    return subprocess.run(
        ["bash", folder / "scripts/run.sh"],
        user=somebody,
        group=somebody,
        extra_groups=None if somebody is None else [],
        capture_output=True,
        text=True,
        check=False,
    )


def _started(folder: Path) -> bool:
    ran = _run(folder)
    assert (ran.returncode, ran.stdout) == (0, "started\n"), ran.stderr
    return True


@pytest.mark.parametrize("length", [79, 80])
def test_a_folder_whose_path_is_too_long_for_a_socket_is_named(folder: Path, length: int) -> None:
    folder.chmod(0o755)
    deep = folder / "é".ljust(length - 2 - len(str(folder)), "e")
    for name in ("scripts", ".venv"):
        shutil.copytree(folder / name, deep / name)
    deep.chmod(0o777)
    ran = _run(deep)
    assert ran.returncode == (0 if length == 79 else 78), ran.stderr
    assert ("80 bytes; at most 79" in ran.stderr) is (length == 80)


def test_a_folder_that_cannot_hold_var_is_named_with_its_owner(folder: Path) -> None:
    ran = _run(folder)
    assert ran.returncode == 78
    assert (
        f"cannot make the folder var in {folder}, which belongs to {folder.owner()}" in ran.stderr
    )
    assert "install -d -o" in ran.stderr


def _var(folder: Path, owner: int = NOBODY, group: int = NOBODY, mode: int = 0o700) -> Path:
    var = folder / "var"
    var.mkdir()
    os.chown(var, owner, group)
    var.chmod(mode)
    return var


@as_root
@pytest.mark.parametrize("made_by_root", ["var", "var/embedded", "var/supervisord.pid"])
def test_what_root_has_made_in_var_is_named(folder: Path, made_by_root: str) -> None:
    var = _var(folder)
    (var / "embedded").mkdir(mode=0o700)
    (var / "supervisord.pid").touch(0o644)
    for each in (var, *var.iterdir()):
        owner = 0 if each == folder / made_by_root else NOBODY
        os.chown(each, owner, owner)
    ran = _run(folder)
    assert ran.returncode == 78
    assert f"{folder}/{made_by_root} belongs to root" in ran.stderr
    assert f"As root: chown -R nobody {folder}/var" in ran.stderr


@as_root
@pytest.mark.parametrize("mode", [0o000, 0o500, 0o600])
def test_a_var_of_its_own_that_cannot_be_written_is_named(folder: Path, mode: int) -> None:
    ran = _run(_var(folder, mode=mode).parent)
    assert ran.returncode == 78
    assert f"chmod u+rwX {folder}/var" in ran.stderr


@as_root
def test_what_can_be_written_is_taken_whosever_it_is(folder: Path) -> None:
    var = _var(folder, owner=0, mode=0o770)
    (var / "lost+found").mkdir(mode=0o700)
    (var / "embedded").mkdir()
    (var / "embedded").chmod(0o777)
    assert _started(folder)


@as_root
def test_var_may_be_a_link_to_a_folder_elsewhere(folder: Path) -> None:
    elsewhere = _var(folder).rename(folder / "elsewhere")
    (folder / "var").symlink_to(elsewhere)
    assert _started(folder)
    os.chown(elsewhere, 0, 0)
    assert f"{folder}/var belongs to root" in _run(folder).stderr


@as_root
def test_what_the_page_of_operations_says_lets_it_start(folder: Path) -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    line = next(each for each in text.splitlines() if each.startswith("install -d"))
    command = line.replace("-o chatgrow", f"-o {NOBODY}")
    subprocess.run(shlex.split(command), cwd=folder, check=True)
    assert _started(folder)

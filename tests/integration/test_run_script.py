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
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def _run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", folder / "scripts/run.sh"],
        user=NOBODY if os.geteuid() == 0 else os.geteuid(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_that_cannot_hold_var_is_named_with_its_owner(folder: Path) -> None:
    ran = _run(folder)
    assert ran.returncode == 78
    assert (
        f"cannot make the folder var in {folder}, which belongs to {folder.owner()}" in ran.stderr
    )
    assert "install -d -o" in ran.stderr


@as_root
@pytest.mark.parametrize("made_by_root", ["var", "var/embedded"])
def test_what_root_has_made_in_var_is_named(folder: Path, made_by_root: str) -> None:
    for part in ("var", "var/embedded"):
        (folder / part).mkdir(mode=0o700)
    if made_by_root != "var":
        os.chown(folder / "var", NOBODY, NOBODY)
    ran = _run(folder)
    assert ran.returncode == 78
    assert f"{folder}/{made_by_root} belongs to root" in ran.stderr
    assert "chown -R" in ran.stderr


@as_root
def test_what_the_page_of_operations_says_lets_it_start(folder: Path) -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    line = next(each for each in text.splitlines() if each.startswith("install -d"))
    command = line.replace("-o chatgrow", f"-o {NOBODY}")
    subprocess.run(shlex.split(command), cwd=folder, check=True)
    ran = _run(folder)
    assert (ran.returncode, ran.stdout) == (0, "started\n"), ran.stderr

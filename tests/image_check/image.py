"""Build the image, and run programs in it as a container would: its user, a root to read only.

Debian's buildah and bubblewrap do both without a daemon and without control groups.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

_USER = 10_001
"""The user of the Dockerfile."""


@dataclass(frozen=True)
class Image:
    """The files of an image, and how its programs are started."""

    root: Path
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: str

    def command_line(
        self, folders: Mapping[Path, str], settings: Mapping[str, str], command: tuple[str, ...]
    ) -> list[str]:
        """Return what runs a command in the image; `folders` can be written there."""
        user = ("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups")
        box = ("bwrap", "--die-with-parent", "--unshare-pid", "--as-pid-1", "--unshare-ipc")
        places = ("--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev")
        memory = ("--tmpfs", "/tmp", "--tmpfs", "/dev/shm")
        line = [*user, *box, *places, *memory, "--chdir", self.folder, "--clearenv"]
        for outside, inside in folders.items():
            line += ["--bind", str(outside), inside]
        for name, value in {**self.environment, **settings}.items():
            line += ["--setenv", name, value]
        return [*line, *self.entrypoint, *(command or self.command)]


def build(name: str, base: str | None) -> None:
    """Build the image from the Dockerfile; `base` takes the place of Debian's image."""
    given = ("--build-arg", f"BASE={base}") if base else ()
    subprocess.run(
        ["buildah", "build", "--isolation", "chroot", *given, "--tag", name, str(ROOT)], check=True
    )


@contextmanager
def unpacked(name: str, place: Path) -> Iterator[Image]:
    """Give the files of an image while they are mounted at a place that its user may enter."""
    container = _told("buildah", "from", name)
    try:
        place.mkdir()
        _told("mount", "--bind", _told("buildah", "mount", container), str(place))
        described = json.loads(_told("buildah", "inspect", container))["OCIv1"]["config"]
        environment = dict(each.split("=", 1) for each in described["Env"])
        assert described["User"] == "chatgrow"
        yield Image(
            place,
            tuple(described["Entrypoint"]),
            tuple(described["Cmd"]),
            environment,
            described["WorkingDir"],
        )
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False)
        _told("buildah", "rm", container)


@asynccontextmanager
async def running(line: list[str], log: Path) -> AsyncIterator[None]:
    """Run a program; raise AssertionError with what it said if it ends by itself."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*line, stdout=output, stderr=output)
    try:
        yield
    finally:
        ended = process.returncode
        if ended is None:
            process.kill()
        await process.wait()
        assert ended is None, log.read_text()


def given_away(folder: Path) -> Path:
    """Make a folder for the image's user."""
    folder.mkdir()
    os.chown(folder, _USER, _USER)
    return folder


def missing_tools() -> list[str]:
    """Return which tools are not here."""
    return [each for each in ("buildah", "bwrap", "setpriv") if shutil.which(each) is None]


def _told(*command: str) -> str:
    return subprocess.check_output(command, text=True).strip()

"""The Python client, installed alone, sends through the whole stack."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.stack_client import ROOT, THEIR_PHONE

if TYPE_CHECKING:
    from tests.stack_client import StackClient

SCRIPT = ROOT / "client/examples/plain_script.py"


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _wheel(folder: Path) -> Path:
    """Build the client's wheel."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
    _run(sys.executable, "-m", "pip", "wheel", *quiet, "-w", folder, ROOT / "client")
    (built,) = folder.glob("*.whl")
    return built


def _needed(requirement: str) -> set[str]:
    """Return the distributions that a requirement needs, and those that these need, here."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    if "extra ==" in requirement or (";" in requirement and not _holds(requirement)):
        return set()
    needs = importlib.metadata.requires(name) or []
    return {name, *(each for need in needs for each in _needed(need))}


def _holds(requirement: str) -> bool:
    from packaging.requirements import Requirement

    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate({"extra": ""})


def _put(distribution: str, site: Path) -> None:
    """Put a distribution that is installed here into another environment."""
    found = importlib.metadata.distribution(distribution)
    for file in found.files or []:
        source, target = Path(str(found.locate_file(file))), site / file
        if ".." not in file.parts and source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Make an environment that has the client, what it says that it needs, and nothing else."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin/python"
    (site,) = home.glob("lib/python*/site-packages")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index")
    _run(*pip, "--no-deps", "--disable-pip-version-check", _wheel(tmp_path / "wheels"))
    (metadata,) = site.glob("chatgrow_client-*.dist-info/METADATA")
    for each in {name for need in _needs(metadata) for name in _needed(need)}:
        _put(each, site)
    return python


def _needs(metadata: Path) -> Iterator[str]:
    for line in metadata.read_text(encoding="utf-8").splitlines():
        if line.startswith("Requires-Dist: "):
            yield line.removeprefix("Requires-Dist: ")


@pytest.mark.slow
async def test_an_installed_client_sends_a_message(system: StackClient, python: Path) -> None:
    await system.create()
    await system.scan()
    await system.until_state("connected")
    environment = {"CHATGROW_URL": system.about["api"], "CHATGROW_KEY": system.about["apiKey"]}
    process = await asyncio.create_subprocess_exec(
        *(str(python), "-I", str(SCRIPT), THEIR_PHONE),
        env={**environment, "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert said.startswith(b"Delivered at")
    assert [each["text"] for each in await system.ledger()] == ["Your order is on its way."]

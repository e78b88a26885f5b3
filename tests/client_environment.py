"""Install the Python client into an environment of its own, without the network."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from tests.stack_client import ROOT


def client_environment(folder: Path, extra: str = "") -> Path:
    """Make an environment that has the client, what it says that it needs, and nothing else.

    Return its Python. `extra` is one of the client's, whose needs are met, too.
    """
    home = folder / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin/python"
    (site,) = home.glob("lib/python*/site-packages")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index")
    _run(*pip, "--no-deps", "--disable-pip-version-check", _wheel(folder / "wheels"))
    (metadata,) = site.glob("chatgrow_client-*.dist-info/METADATA")
    for each in {name for need in _needs(metadata) for name in _needed(need, extra)}:
        _put(each, site)
    return python


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _wheel(folder: Path) -> Path:
    """Build the client's wheel."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
    _run(sys.executable, "-m", "pip", "wheel", *quiet, "-w", folder, ROOT / "client")
    (built,) = folder.glob("*.whl")
    return built


def _needs(metadata: Path) -> Iterator[str]:
    for line in metadata.read_text(encoding="utf-8").splitlines():
        if line.startswith("Requires-Dist: "):
            yield line.removeprefix("Requires-Dist: ")


def _needed(requirement: str, extra: str = "") -> set[str]:
    """Return the distributions that a requirement needs, and those that these need, here."""
    marker = Requirement(requirement).marker
    if marker is not None and not marker.evaluate({"extra": extra}):
        return set()
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
    needs = importlib.metadata.requires(name) or []
    return {name, *(each for need in needs for each in _needed(need))}


def _put(distribution: str, site: Path) -> None:
    """Put a distribution that is installed here into another environment."""
    found = importlib.metadata.distribution(distribution)
    for file in found.files or []:
        source, target = Path(str(found.locate_file(file))), site / file
        if ".." not in file.parts and source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)

"""The wheel in an empty environment: its programs run, and everything that they read is in it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sessions import __version__
from tests.conftest import ROOT
from tests.integration.processes.programs import environment_of
from tests.ports import LOOPBACK, free_port
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.embedded import ServerUris

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PATIENCE = timedelta(seconds=60)
PROGRAMS = ("chatgrow-api", "chatgrow-worker", "chatgrow-business", "chatgrow-sessions")
FOLDERS = ("business", "chatgrow_worker", "control_api", "sessions")


def _run(*command: str | Path, cwd: Path = ROOT) -> str:
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def _wheel(source: Path, folder: Path) -> Path:
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=source)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def _files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {each for each in archive.namelist() if ".dist-info/" not in each}


def test_the_wheel_carries_every_file_of_the_programs(wheel: Path) -> None:
    tracked = _run("git", "ls-files", *FOLDERS).splitlines()
    carried = _files_of(wheel)
    assert set(tracked) <= carried
    others = carried - set(tracked)
    assert {each.split("/", 2)[:2] == ["sessions", "node_modules"] for each in others} == {True}
    assert any(each.endswith("/wppconnect-wa.js") for each in others)
    assert any(each.endswith("/wa-js/LICENSE") for each in others)


def test_the_source_archive_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    _run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    _run("tar", "--extract", "--file", archive, cwd=tmp_path)
    made = _wheel(tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "made")
    assert made.name == wheel.name
    assert _files_of(made) == _files_of(wheel)


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the programs in an environment that has the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("installed")
    _run(sys.executable, "-m", "venv", folder)
    install = (folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-input")
    _run(*install, "--require-hashes", "-r", "requirements/production.txt")
    _run(*install, "--no-deps", wheel)
    _run(folder / "bin/python", "-m", "pip", "check")
    return folder / "bin"


@asynccontextmanager
async def _running(program: Path, settings: dict[str, str]) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        program, env=settings, cwd=settings["DATA_DIR"], stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield
        assert process.returncode is None, "it still runs"
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0


async def test_the_programs_run_from_the_wheel_alone(
    programs: Path, tmp_path: Path, servers: ServerUris
) -> None:
    for name in PROGRAMS:
        assert _run(programs / name, "--version", cwd=tmp_path) == f"{name} {__version__}\n"
        assert "usage" in _run(programs / name, "--help", cwd=tmp_path)
    settings = environment_of(tmp_path, servers)
    # Only what is installed is found, and no checkout.
    del settings["PYTHONPATH"]
    settings |= {
        "MONGODB_URI": servers.mongo.replace("/chatgrow", "/installed"),
        "PORT": str(free_port()),
        "STARTUP_TIMEOUT": "30",
    }
    api = f"http://{LOOPBACK}:{settings['PORT']}"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_running(programs / "chatgrow-api", settings))
        http = await stack.enter_async_context(aiohttp.ClientSession(api))
        await until(lambda: _answers(http), within=PATIENCE)
        assert (await _json(http, "/openapi.json"))["info"]["version"] == __version__
        await _shows_its_pages(http)
        # It reads wa-js before it counts as a worker.
        await stack.enter_async_context(_running(programs / "chatgrow-worker", settings))
        await until(lambda: _has_a_worker(http), within=PATIENCE)


async def _shows_its_pages(http: aiohttp.ClientSession) -> None:
    for language, title in (("en", "Welcome to ChatGrow"), ("he", "ברוכים הבאים")):
        page = await _text(http, "/dashboard", {"Accept-Language": language})
        assert title in page
        static = page.partition("/static/")[2].partition("/")[0]
        assert "color" in await _text(http, f"/static/{static}/app.css")
    assert "SwaggerUIBundle" in await _text(http, "/docs/swagger-ui-bundle.js")


async def _text(
    http: aiohttp.ClientSession, path: str, headers: dict[str, str] | None = None
) -> str:
    async with http.get(path, headers=headers) as answer:
        assert answer.status == 200, path
        return await answer.text()


async def _json(http: aiohttp.ClientSession, path: str) -> dict[str, dict[str, str]]:
    async with http.get(path) as answer:
        found: dict[str, dict[str, str]] = await answer.json()
        return found


async def _answers(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get("/health/live") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def _has_a_worker(http: aiohttp.ClientSession) -> bool:
    return "workers" not in (await _json(http, "/health")).get("away", [])

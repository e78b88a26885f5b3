"""The system under supervisord, as `make run` starts it: the killed come back, the wrong rest."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import aiohttp
import pytest

from sessions.embedded import ServerUris
from tests.conftest import ROOT
from tests.integration.processes.programs import Ended
from tests.ports import free_port
from tests.processes import alive
from tests.stack.readiness import healthy
from tests.waiting import until

PACKAGES = ("sessions", "business", "control_api", "chatgrow_worker")
PROGRAMS = ("mongo", "redis", "control_api", "worker:worker-0")
WITHIN = timedelta(seconds=45)
TUTORIAL = ROOT / "docs/tutorial.md"


class Supervised:
    """A running supervisord, and its copy of the project."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, port: int) -> None:
        self.process = process
        self.api = f"http://127.0.0.1:{port}"
        self.workers = 1
        self._said = bytearray()
        self._tool = _tool("supervisorctl", folder)

    async def pids(self) -> list[int]:
        return [int(await self.ask("pid", program)) for program in PROGRAMS]

    async def healthy(self) -> bool:
        return bool(await healthy(self.api, workers=self.workers))

    def log(self) -> str:
        return self._said.decode()

    async def listen(self, output: socket.socket) -> None:
        """Take in what is said, until nobody can say anything more."""
        reader, writer = await asyncio.open_connection(sock=output)
        while said := await reader.read(1 << 16):
            self._said += said
        writer.close()

    async def ask(self, *words: str) -> str:
        """Ask supervisorctl."""
        process = await asyncio.create_subprocess_exec(
            *(*self._tool, *words), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        return said.decode().strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder whose path has a space, and is short enough for a socket."""
    with TemporaryDirectory(prefix="My projects ") as name:
        yield Path(name)


async def test_every_killed_program_comes_back_and_all_stop_in_order(folder: Path) -> None:
    (folder / ".env").write_text("no setting\nWHATSAPP_MAX_CONECTIONS=3\n")
    async with supervised(folder) as running:
        await until(running.healthy, within=WITHIN)
        pids = await running.pids()
        for number, pid in zip((signal.SIGKILL, signal.SIGTERM) * 2, pids, strict=True):
            os.kill(pid, number)
        await until(lambda: not any(map(alive, pids)))
        await until(running.healthy, within=WITHIN)
        last = await running.pids()
    assert not any(map(alive, last))
    stopped = re.findall(r"stopped: (\S+) ", running.log())
    assert stopped == ["worker-0", "control_api", "redis", "mongo"]
    told = running.log()
    assert "CRIT" not in told
    assert not any(line.startswith("{") for line in told.splitlines())
    for once in ("did you mean WHATSAPP_MAX_CONNECTIONS?", "Line 1 of .env", "chmod 600 .env"):
        assert told.count(once) == 1, told
    assert "could not parse" not in told


async def test_what_cannot_run_or_has_nothing_to_do_is_not_started_again(
    tmp_path: Path, servers: ServerUris
) -> None:
    # What only shows when they run: the check before the start cannot see it.
    settings = {
        "MONGODB_URI": servers.mongo,
        "REDIS_URL": servers.redis,
        "HOST": "192.0.2.1",
        "WHATSAPP_SESSION_PATH": "/proc/nowhere",
    }
    async with supervised(tmp_path, settings) as running:
        await until(lambda: running.log().count("exited: ") == len(PROGRAMS), within=WITHIN)
    assert sorted(re.findall(r"exited: (\S+) \((.*)\)", running.log())) == [
        ("control_api", "exit status 78; expected"),
        ("mongo", "exit status 79; expected"),
        ("redis", "exit status 79; expected"),
        ("worker-0", "exit status 78; expected"),
    ]


IMPOSSIBLE = [
    ({"CHROMIUM_PATH": "/nowhere"}, "CHROMIUM_PATH names no program"),
    ({"LOG_LEVEL": "loud"}, "setting LOG_LEVEL"),
    ({"APP_ENV": "production"}, "JWT_SECRET is not set"),
]
"""Settings with which a part cannot run, and what is said of them."""


@pytest.mark.parametrize(("settings", "named"), IMPOSSIBLE)
def test_the_check_before_the_start_names_what_cannot_run(
    ended: Ended, settings: dict[str, str], named: str
) -> None:
    code, errors = ended("preflight", **settings)
    assert (code, errors.count(named)) == (78, 1), errors


@pytest.mark.parametrize(("settings", "named"), IMPOSSIBLE[:1])
async def test_nothing_starts_where_a_part_cannot(
    tmp_path: Path, settings: dict[str, str], named: str
) -> None:
    (tmp_path / ".env").write_text("no setting\nWHATSAPP_MAX_CONECTIONS=3\n")
    (tmp_path / ".env").chmod(0o600)
    async with supervised(tmp_path, settings) as running:
        assert await running.process.wait() == 78
    assert running.log().count(named) == 1, running.log()
    assert "spawned" not in running.log()
    assert not (tmp_path / "var/embedded").exists()


@pytest.mark.slow
async def test_more_workers_are_one_number_and_the_commands_of_the_docs_work(
    tmp_path: Path,
) -> None:
    port = free_port()
    (tmp_path / ".env").write_text(f"WORKER_ID=here\nMETRICS_PORT={port}\n")
    async with supervised(tmp_path) as running:
        await until(running.healthy, within=WITHIN)
        key = (tmp_path / "var/first-api.key").read_text().strip()
        await _queue_a_message(running.api, key)
        _set_workers(tmp_path, 2)
        running.workers = 2
        for command in _commands_of_docs():
            if command in NOT_RUN_HERE:
                continue
            line = command.replace("http://localhost:5000", running.api)
            api = await running.ask("pid", "control_api")
            code, said = await _shell(line, tmp_path, key)
            assert code == 0, f"{command}: {said}"
            if command.endswith(" update"):
                assert await running.ask("pid", "control_api") == api
            if "cancel_queued" in command:
                assert "cancelled: 1" in said
        await until(running.healthy, within=WITHIN)
        folders = sorted(each.name for each in (tmp_path / "var/sessions").iterdir())
        assert folders == ["worker-0", "worker-1"]
        assert all(f"Worker here-{number} is ready" in running.log() for number in (0, 1))
        async with aiohttp.ClientSession() as http:
            for number in (0, 1):
                async with http.get(f"http://127.0.0.1:{port + number}/metrics") as answer:
                    assert answer.status == 200


def test_every_command_of_the_docs_is_run_by_a_test() -> None:
    assert set(NOT_RUN_HERE) <= set(_commands_of_docs())


_INSTALLS = "test_installed does it in another folder"
_NO_TOOLS = "MongoDB's tools are not in Debian"
NOT_RUN_HERE = {
    "make live-check": "has tests of its own: tests/acceptance/test_live_check.py",
    "docker compose exec api cat var/setup.token": "wants containers",
    "python3 -m venv /opt/chatgrow-venv": _INSTALLS,
    "/opt/chatgrow-venv/bin/pip install --require-hashes -r requirements/production.txt": _INSTALLS,
    "/opt/chatgrow-venv/bin/pip install --no-deps dist/chatgrow_worker-*.whl": _INSTALLS,
    "make setup": "ran before any test could",
    "(umask 077; mongodump --config var/mongodump.yml --gzip --archive=backup.gz)": _NO_TOOLS,
    "mongorestore --config var/mongodump.yml --gzip --archive=backup.gz --drop": _NO_TOOLS,
    ".venv/bin/python -m control_api": "is what runs here under supervisord",
    ".venv/bin/python -m tests.whatsapp_web --port 8090": "is started so by tests/stack",
    "WHATSAPP_WEB_URL=http://127.0.0.1:8090/ make run": "is `make run` with a setting",
    "make run": "is what runs here: scripts/run.sh",
    "useradd --system --create-home chatgrow": "would change this machine",
    "install -d -o chatgrow -m 700 var": "wants that user; test_run_script runs it for another",
}


def _commands_of_docs() -> list[str]:
    """Read the lines of every `sh` block, but of the tutorial, which a test of its own follows."""
    pages = sorted(set((ROOT / "docs").glob("*.md")) - {TUTORIAL})
    blocks = [
        block
        for page in pages
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    ]
    return [line for block in blocks for line in block.strip().splitlines()]


async def _queue_a_message(api: str, key: str) -> None:
    """Store a message that waits, since no phone is linked."""
    message = {"connectionId": "main", "to": "+972501234567", "message": "Hello"}
    async with aiohttp.ClientSession(f"{api}/", headers={"X-Api-Key": key}) as http:
        connection = {"connectionId": "main", "name": "Main"}
        for path, body in (("connections", connection), ("send", message)):
            async with http.post(f"api/whatsapp/{path}", json=body) as answer:
                assert answer.ok, await answer.text()


async def _shell(line: str, folder: Path, key: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_shell(
        line,
        cwd=folder,
        env=os.environ | {"KEY": key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@asynccontextmanager
async def supervised(
    folder: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Supervised]:
    _link_project(folder)
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "CHROMIUM_NO_SANDBOX": "true"}
    # A socket, as systemd has for what a service says: it cannot be opened by its name.
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *("bash", folder / "scripts/run.sh"),
            cwd=folder,
            env={**environment, **settings},
            stdout=theirs.fileno(),
            stderr=theirs.fileno(),
        )
    running = Supervised(process, folder, port)
    listening = asyncio.create_task(running.listen(ours))
    try:
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await listening


def _link_project(folder: Path) -> None:
    """Lay the project out in a folder of its own, so that its `var` and `.env` are not ours."""
    for name in (*PACKAGES, "node_modules", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    _set_workers(folder, 1)


def _set_workers(folder: Path, workers: int) -> None:
    config = (ROOT / "supervisord.conf").read_text().replace("numprocs=1", f"numprocs={workers}")
    (folder / "supervisord.conf").write_text(config)


def _tool(name: str, folder: Path) -> tuple[str, ...]:
    return (str(folder / ".venv/bin" / name), "-c", str(folder / "supervisord.conf"))

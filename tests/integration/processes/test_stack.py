"""The stack that tests and demos stand on: what it prints, what it keeps and how it ends."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sessions.embedded import MONGO, REDIS, ServerUris
from sessions.embedded.answers import answering_uri
from sessions.embedded.layout import Layout
from sessions.storage.mongo import open_database
from tests.processes import alive
from tests.stack.options import parse
from tests.stack.readiness import get_json, healthy
from tests.waiting import until

ROOT = Path(__file__).parents[3]
READY_WITHIN = timedelta(seconds=60)
RECOVERED_WITHIN = timedelta(seconds=30)
NO_WORKERS = ("--workers", "0")


class Stack:
    """A stack as an outside check sees it: a process and the lines that it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(READY_WITHIN.total_seconds()):
            return dict(json.loads(await self.process.stdout.readline()))

    async def end(self, number: int = signal.SIGTERM) -> tuple[int | None, str, str]:
        """Signal it; return its exit code and what else it wrote."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.outcome()

    async def outcome(self) -> tuple[int | None, str, str]:
        async with asyncio.timeout(READY_WITHIN.total_seconds()):
            said, complaint = await self.process.communicate()
        return self.process.returncode, said.decode(), complaint.decode()


@asynccontextmanager
async def stack(*arguments: str) -> AsyncIterator[Stack]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.stack", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Stack(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            await running.end()


@pytest.mark.slow
async def test_it_prints_one_line_when_all_is_ready_and_leaves_nothing_behind() -> None:
    async with stack("--workers", "2") as running:
        ready = await running.line()
        assert set(ready) == {"api", "simulator", "mongo", "redis", "apiKey", "data", "pids"}
        assert set(ready["pids"]) == {"api", "workers", "mongo", "redis", "simulator"}
        assert len(ready["apiKey"]) >= 32
        assert all(map(alive, _pids(ready)))
        assert await healthy(ready["api"], workers=2)
        assert await running.end() == (0, "", "")
    assert not any(map(alive, _pids(ready)))
    assert not Path(ready["data"]).exists()


@pytest.mark.slow
async def test_a_second_start_finds_what_the_first_left(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        async with stack("--data", str(tmp_path), *NO_WORKERS) as running:
            ready = await running.line()
            found.append({name: value for name, value in ready.items() if name != "pids"})
    assert found[0] == found[1]
    assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600


@pytest.mark.slow
async def test_under_supervision_whatever_is_killed_comes_back(tmp_path: Path) -> None:
    async with stack("--data", str(tmp_path), "--supervise") as running:
        ready = await running.line()
        for pid in _pids(ready):
            os.kill(pid, signal.SIGKILL)
        restarted = [await running.line() for _ in _pids(ready)]
        names = {"api", "worker-1", "mongo", "redis", "simulator"}
        assert {line["restarted"] for line in restarted} == names
        assert all(alive(line["pid"]) for line in restarted)
        await until(lambda: _recovered(ready), within=RECOVERED_WITHIN)
        assert await answering_uri(MONGO, Layout.of(tmp_path, MONGO)) == ready["mongo"]
        assert await answering_uri(REDIS, Layout.of(tmp_path, REDIS)) == ready["redis"]


@pytest.mark.slow
async def test_a_given_mongodb_is_used_and_without_supervision_the_dead_stay_dead(
    tmp_path: Path, servers: ServerUris
) -> None:
    uri = servers.mongo.replace("/chatgrow", "/stack")
    async with stack("--data", str(tmp_path), *NO_WORKERS, "--mongo", uri) as running:
        ready = await running.line()
        assert ready["mongo"] == uri
        assert set(ready["pids"]) == {"api", "workers", "redis", "simulator"}
        async with open_database(uri, READY_WITHIN) as database:
            assert await database["apiKeys"].count_documents({}) == 1
            await database.client.drop_database(database.name)
        os.kill(ready["pids"]["simulator"], signal.SIGKILL)
        await until(lambda: not alive(ready["pids"]["simulator"]))
        exit_code, said, complaint = await running.end(signal.SIGINT)
    assert (exit_code, said, complaint) == (0, "", "simulator ended: -9\n")


@pytest.mark.slow
async def test_a_part_that_does_not_come_up_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    async with stack("--data", str(tmp_path), *NO_WORKERS, "--env", "LOG_LEVEL=loud") as running:
        exit_code, said, complaint = await running.outcome()
    assert (exit_code, said) == (1, "")
    assert complaint.startswith("api ended: 78\napi: ended before it was ready.\n")
    assert "LOG_LEVEL" in complaint
    await _assert_no_servers(tmp_path)


@pytest.mark.slow
async def test_a_signal_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    async with stack("--data", str(tmp_path), *NO_WORKERS) as running:
        await until(lambda: Layout.of(tmp_path, MONGO).lock_file.exists())
        assert await running.end() == (0, "", "")
    await _assert_no_servers(tmp_path)


@pytest.mark.slow
async def test_its_parts_do_not_outlive_it_when_it_is_killed(tmp_path: Path) -> None:
    async with stack("--data", str(tmp_path)) as running:
        ready = await running.line()
        await running.end(signal.SIGKILL)
    async with stack("--data", str(tmp_path), *NO_WORKERS) as successor:
        assert (await successor.line())["api"] == ready["api"]
        await until(lambda: not any(map(alive, _pids(ready))), within=RECOVERED_WITHIN)


@pytest.mark.slow
async def test_two_stacks_cannot_share_a_folder(tmp_path: Path) -> None:
    async with stack("--data", str(tmp_path), *NO_WORKERS) as first:
        await first.line()
        async with stack("--data", str(tmp_path), *NO_WORKERS) as second:
            exit_code, _, complaint = await second.outcome()
    assert (exit_code, complaint) == (1, f"Another stack runs on {tmp_path}.\n")


@pytest.mark.parametrize("pair", ["LOG_LEVEL", "=debug"])
def test_a_setting_without_a_name_or_a_value_is_refused(
    pair: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(["--env", pair])
    assert "is not KEY=VALUE" in capsys.readouterr().err


async def _recovered(ready: dict[str, Any]) -> bool:
    health = await get_json(f"{ready['api']}/health")
    devices = await get_json(f"{ready['simulator']}/control/devices")
    return health is not None and health["checks"]["workers"] == 1 and devices is not None


async def _assert_no_servers(folder: Path) -> None:
    for kind in (MONGO, REDIS):
        assert await answering_uri(kind, Layout.of(folder, kind)) is None


def _pids(ready: dict[str, Any]) -> list[int]:
    pids = ready["pids"]
    return [pids["api"], pids["mongo"], pids["redis"], pids["simulator"], *pids["workers"]]

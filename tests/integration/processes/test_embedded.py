"""The embedded servers, with the real mongod and redis-server."""

import asyncio
import logging
import os
import signal
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psutil
import pytest
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from sessions.embedded import (
    MONGO,
    REDIS,
    EmbeddedServerError,
    ServerUris,
    embedded_servers,
    launch,
)
from sessions.embedded.answers import answering_uri
from sessions.embedded.kinds import ServerKind
from sessions.embedded.layout import Layout
from tests.processes import alive, holds_open
from tests.waiting import until

ROOT = Path(__file__).parents[3]
NOBODY = 65534


async def test_what_was_written_survives_a_kill_on_the_same_socket_however_long_its_path(
    tmp_path: Path,
) -> None:
    data = tmp_path / ("long " * 20)
    async with embedded_servers(data) as first:
        await _write(first)
        for pid in (await _mongo_pid(first.mongo), await _redis_pid(first.redis)):
            os.kill(pid, signal.SIGKILL)
            await until(lambda pid=pid: not alive(pid))  # type: ignore[misc]
        await until(lambda: _answers(MONGO, data))
        await until(lambda: _answers(REDIS, data))
        assert await _read(first) == ("kept", "kept")
    async with embedded_servers(data) as second:
        assert second == first
        assert await _read(second) == ("kept", "kept")


async def test_the_servers_are_told_no_setting_and_end_redis_first_when_the_block_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "sessions.embedded")
    monkeypatch.setenv("JWT_SECRET", "nobody else's")
    async with embedded_servers(tmp_path) as uris:
        pids = [await _mongo_pid(uris.mongo), await _redis_pid(uris.redis)]
        for server in map(psutil.Process, pids):
            for process in (server, *server.parents()[:1]):
                assert "JWT_SECRET" not in process.environ(), process.cmdline()
    assert not any(map(alive, pids))
    # On a loaded machine it also says that it waits.
    stopped = [each for each in caplog.messages if each.endswith("stopped")]
    assert stopped == ["embedded redis stopped", "embedded mongo stopped"]


async def test_two_owners_of_one_data_directory_share_its_servers(tmp_path: Path) -> None:
    async with embedded_servers(tmp_path, need_mongo=False) as late:
        async with embedded_servers(tmp_path, need_mongo=False) as early:
            assert late == early
            pid = await _redis_pid(late.redis)
        os.kill(pid, signal.SIGTERM)
        await until(lambda: _answers(REDIS, tmp_path))


async def test_a_standby_takes_over_at_once_when_the_server_is_killed(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(_launched("redis", tmp_path))
        await until(lambda: _answers(REDIS, tmp_path))
        uri = await _uri(REDIS, tmp_path)
        standby = await stack.enter_async_context(_launched("redis", tmp_path))
        server.kill()
        await server.wait()
        await until(lambda: _answers(REDIS, tmp_path))
        assert await _uri(REDIS, tmp_path) == uri
        assert await _redis_pid(await _uri(REDIS, tmp_path)) == standby.pid


async def test_a_standby_ends_quietly_on_sigterm(tmp_path: Path) -> None:
    async with _launched("redis", tmp_path):
        await until(lambda: _answers(REDIS, tmp_path))
        async with _launched("redis", tmp_path) as standby:
            await until(lambda: holds_open(standby.pid, Layout.of(tmp_path, REDIS).lock_file))
            standby.terminate()
            async with asyncio.timeout(5):
                assert await standby.wait() == 0


async def test_servers_do_not_outlive_an_owner_that_was_killed(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _OWNER, str(tmp_path)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert owner.stdout is not None
    await owner.stdout.readline()
    pids = [
        await _mongo_pid(await _uri(MONGO, tmp_path)),
        await _redis_pid(await _uri(REDIS, tmp_path)),
    ]
    owner.kill()
    await owner.wait()
    await until(lambda: not any(map(alive, pids)))


_OWNER = """
import asyncio, sys
from pathlib import Path
from sessions.embedded import embedded_servers
async def own():
    async with embedded_servers(Path(sys.argv[1])):
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(own())
"""


async def test_on_a_full_disk_it_waits_for_room_and_says_so_once(tmp_path: Path) -> None:
    more_than_any_disk = ("--room", str(2**62))
    async with _launched("redis", tmp_path, None, *more_than_any_disk) as process:
        assert process.stderr is not None
        said = (await process.stderr.readline()).decode()
        assert "No space left" in said
        assert "disk_full" in said
        assert not await _answers(REDIS, tmp_path)
        process.terminate()
        assert await process.wait() == 0
        assert await process.stderr.read() == b""
    async with _launched("redis", tmp_path):
        await until(lambda: _answers(REDIS, tmp_path))


async def test_a_server_says_nothing_but_what_keeps_it_from_starting(tmp_path: Path) -> None:
    async with _launched("mongo", tmp_path) as process:
        await until(lambda: _answers(MONGO, tmp_path))
        process.terminate()
        assert await process.communicate() == (b"", b"")


def test_the_pause_grows_while_a_server_ends_soon_after_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[timedelta] = []
    monkeypatch.setattr(launch, "_rest", rests.append)
    file = tmp_path / "starts"
    for _ in range(12):
        launch._pause_after_quick_ends(file)
    assert rests[:3] == [timedelta(seconds=seconds) for seconds in (0.8, 1.6, 3.2)]
    assert rests[-1] == timedelta(seconds=30)
    long_ago = file.stat().st_mtime - 60
    os.utime(file, (long_ago, long_ago))
    rests.clear()
    launch._pause_after_quick_ends(file)
    assert rests == []


async def test_attach_waits_for_the_servers_of_a_supervisor(tmp_path: Path) -> None:
    attaching = asyncio.create_task(_attach(tmp_path))
    async with _launched("redis", tmp_path):
        uris = await attaching
        assert await _redis_pid(uris.redis)


async def test_attach_names_the_setting_when_nobody_starts_the_server(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="MONGODB_URI"):
        async with embedded_servers(
            tmp_path, need_redis=False, mode="attach", answer_within=timedelta(milliseconds=200)
        ):
            pytest.fail("there is no server")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
async def test_a_local_user_who_may_not_read_the_data_cannot_connect() -> None:
    with tempfile.TemporaryDirectory(prefix="chatgrow-locked-") as name:
        data = Path(name)
        data.chmod(0o755)
        # As an earlier version, or somebody's `mkdir`, may have left it.
        (data / "embedded").mkdir(mode=0o755)
        (data / "embedded" / "redis.port").write_text("20000")
        async with embedded_servers(data) as uris:
            for pid in (await _mongo_pid(uris.mongo), await _redis_pid(uris.redis)):
                assert psutil.Process(pid).net_connections("inet") == []
            assert stat.S_IMODE((data / "embedded").stat().st_mode) == 0o700
            assert await _as_nobody(uris.mongo) == await _as_nobody(uris.redis) == "refused"
        assert not (data / "embedded" / "redis.port").exists()


async def _as_nobody(uri: str) -> str:
    """Try to connect as a user without rights; say what came of it."""
    process = await asyncio.create_subprocess_exec(
        *("/usr/bin/python3", "-c", _KNOCK, unquote(uri)),
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return said.decode().strip()


_KNOCK = """
import re, socket, sys
path = re.search(r"/(/.*\\.sock)", sys.argv[1])[1]
try:
    socket.socket(socket.AF_UNIX).connect(path)
except PermissionError:
    print("refused")
else:
    print("let in")
"""


@pytest.mark.parametrize(("server", "setting"), [("mongo", "MONGODB_URI"), ("redis", "REDIS_URL")])
@pytest.mark.parametrize("written_in", ["environment", ".env"])
async def test_a_server_of_ones_own_starts_nothing(
    tmp_path: Path, server: str, setting: str, written_in: str
) -> None:
    if written_in == ".env":
        # As for the programs, in any case.
        (tmp_path / ".env").write_text(f"{setting.lower()}=there://somewhere\n")
    environment = {setting: "there://somewhere"} if written_in == "environment" else {}
    exit_code, said, _ = await _run(server, tmp_path, environment)
    assert exit_code == 0
    assert said == f"{setting} is set: no embedded {server} is started.\n"
    assert not (tmp_path / "embedded").exists()


async def test_the_data_directory_may_begin_in_the_home_directory(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    environment = {"DATA_DIR": "~/taken", "HOME": str(tmp_path)}
    async with _launched("redis", tmp_path, environment, where=()) as process:
        assert process.stderr is not None
        complaint = (await process.stderr.read()).decode()
    assert f"{tmp_path}/taken" in complaint


async def _attach(data_dir: Path) -> ServerUris:
    async with embedded_servers(data_dir, need_mongo=False, mode="attach") as uris:
        return uris


async def _run(
    server: str, data_dir: Path, environment: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    async with _launched(server, data_dir, environment) as process:
        said, complaint = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), complaint.decode()


@asynccontextmanager
async def _launched(
    server: str,
    data_dir: Path,
    environment: Mapping[str, str] | None = None,
    *options: str,
    where: Sequence[str] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    data = ("--data", str(data_dir)) if where is None else where
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sessions.embedded", server, *data, *options),
        cwd=data_dir,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _uri(kind: ServerKind, data_dir: Path) -> str:
    uri = await answering_uri(kind, Layout.of(data_dir, kind))
    assert uri is not None
    return uri


async def _answers(kind: ServerKind, data_dir: Path) -> bool:
    return await answering_uri(kind, Layout.of(data_dir, kind)) is not None


async def _write(uris: ServerUris) -> None:
    async with _mongo(uris.mongo) as mongo:
        await mongo["chatgrow"]["trial"].replace_one({"_id": "a"}, {"value": "kept"}, upsert=True)
    async with Redis.from_url(uris.redis) as redis:
        await redis.set("trial", "kept")


async def _read(uris: ServerUris) -> tuple[str, str]:
    async with _mongo(uris.mongo) as mongo:
        document = await mongo["chatgrow"]["trial"].find_one({"_id": "a"})
    async with Redis.from_url(uris.redis, decode_responses=True) as redis:
        value = await redis.get("trial")
    return (document or {})["value"], value


async def _mongo_pid(uri: str) -> int:
    async with _mongo(uri) as mongo:
        return int((await mongo.admin.command("serverStatus"))["pid"])


async def _redis_pid(uri: str) -> int:
    async with Redis.from_url(uri) as redis:
        return int((await redis.info("server"))["process_id"])


def _mongo(uri: str) -> AsyncMongoClient[dict[str, Any]]:
    # A standalone mongod journals before it answers only when asked to, as a majority write does.
    return AsyncMongoClient(uri, w="majority")

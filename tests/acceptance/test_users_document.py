"""What the first document promised works as it is written there: its paths, bodies and `.env`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
import pytest

from chatgrow_worker.settings import WorkerSettings
from control_api import __main__ as control_api
from control_api.settings import ApiSettings
from tests.logging_setup import logging_undone
from tests.ports import free_port
from tests.stack_client import PATIENCE, ROOT, StackClient
from tests.waiting import until

FOLDER = Path(__file__).parent
REQUEST = re.compile(r"^(GET|POST) (\S+)(?:\n(\{.*\}))?", re.MULTILINE)


def _requests() -> list[tuple[str, str, Any]]:
    """Read the requests of the document, each with its body."""
    text = (FOLDER / "users_document.txt").read_text()
    return [
        (method, path.replace(":id", "business_main"), json.loads(body) if body else None)
        for method, path, body in REQUEST.findall(text)
    ]


async def test_its_requests_work_in_their_order(system: StackClient) -> None:
    (create, qr, send, status) = _requests()
    made = await system.post(create[1], create[2])
    assert (made["http"], made["name"]) == (201, "Main Business Line")
    await system.get(f"{qr[1]}?format=json&wait=60")
    async with system.http.get(system.about["api"] + qr[1]) as image:
        assert (image.status, image.content_type) == (200, "image/png")
    await system.scan("business_main", "+972501111111")
    await system.until_state("connected", "business_main")
    accepted = await system.post(send[1], send[2])
    assert accepted["http"] == 202
    await system.until_message(accepted["messageId"], "read")
    (delivered,) = await system.ledger()
    assert (delivered["text"], delivered["to"]) == (
        "Hello from ChatGrow!",
        "+972501234567",
    )
    assert (await system.get(status[1]))["state"] == "connected"
    await _signs_in(system.about["api"], system.about["apiKey"])


async def _signs_in(api: str, first_key: str) -> None:
    credentials = {"email": "owner@example.com", "password": "a long enough password"}
    async with aiohttp.ClientSession() as person:
        first = credentials | {"setupToken": first_key}
        for path, body, expected in (("register", first, 201), ("login", credentials, 200)):
            async with person.post(f"{api}/api/auth/{path}", json=body) as answer:
                assert answer.status == expected
                tokens = await answer.json()
        refresh = {"refreshToken": tokens["refreshToken"]}
        async with person.post(f"{api}/api/auth/refresh", json=refresh) as answer:
            tokens = await answer.json()
        headers = {"Authorization": f"Bearer {tokens['accessToken']}"}
        for path in ("/api/whatsapp/connections/business_main/status", "/api/logs"):
            async with person.get(api + path, headers=headers) as answer:
                assert answer.status == 200, path
        async with person.get(f"{api}/dashboard") as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")


def test_its_env_file_is_taken_by_both_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(FOLDER / "users_document.env", tmp_path / ".env")
    monkeypatch.chdir(tmp_path)
    with mock.patch.dict(os.environ, clear=True):
        api, worker = ApiSettings(), WorkerSettings()
    assert (api.port, api.bcrypt_rounds, worker.whatsapp_max_connections) == (5000, 12, 10)
    assert worker.whatsapp_session_path == tmp_path / "var" / "sessions"
    for settings in (api, worker):
        # What stands there for addresses are none: the embedded servers are used.
        assert settings.mongo_address is settings.redis_address is None


# The test above reads the file; `test_supervisord.py` starts both programs with a `.env`.
@pytest.mark.slow
async def test_its_env_file_loads_unchanged_and_its_curl_lines_answer(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "users_document.env", tmp_path / ".env")
    # The port alone is another one: 5000 may be taken where tests run.
    port = str(free_port())
    async with AsyncExitStack() as running:
        for name in ("control_api", "chatgrow_worker"):
            await running.enter_async_context(_program(name, tmp_path, port))
        lines = re.findall(r"^curl .*", (FOLDER / "users_document.txt").read_text(), re.MULTILINE)
        for line in lines:
            await until(partial(_answers, line.replace("5000", port)), within=PATIENCE)
    assert len(lines) == 2
    assert (tmp_path / "var" / "sessions").is_dir()
    assert not (tmp_path / "sessions").exists()
    log = (tmp_path / "control_api.log").read_text()
    assert "DATABASE_URL is read by `python -m business import-subscribers` alone" in log
    assert "JWT_SECRET can be guessed" in log


def test_its_env_file_is_refused_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    text = (FOLDER / "users_document.env").read_text().replace("development", "production")
    (tmp_path / ".env").write_text(text)
    monkeypatch.chdir(tmp_path)
    with mock.patch.dict(os.environ, {"PORT": "0"}, clear=True), logging_undone():
        assert control_api.main(()) == 78
    log = capfd.readouterr().err
    assert "MONGODB_URI" in log
    assert "Traceback" not in log


async def _answers(line: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        *shlex.split(line), "--fail", "--silent", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return process.returncode == 0 and "version" in json.loads(out)


@asynccontextmanager
async def _program(name: str, folder: Path, port: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PORT": port,
        **({"CHROMIUM_NO_SANDBOX": "true"} if os.geteuid() == 0 else {}),
    }
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", name), cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()

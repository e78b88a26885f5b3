"""Schemathesis goes through the whole OpenAPI document, with all its checks, against the real API.

`make contract` looks longer: it sets CONTRACT_EXAMPLES, the examples for each operation.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from tests.builders import Stores
from tests.conftest import PATIENCE, ROOT
from tests.integration.api.test_control_api import show_code
from tests.integration.operations import OPERATIONS
from tests.waiting import until

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.embedded import ServerUris

KEY = "a key of at least thirty-two characters"
EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "1")
LONGEST_SECONDS = 600 if EXAMPLES == "1" else 7200


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_SECONDS)
async def test_the_api_keeps_its_contract(
    stores: Stores, redis: ArqRedis, servers: ServerUris, tmp_path: Path
) -> None:
    # With a worker that lives, /health is no 503.
    worker = {"running": 0, "capacity": 1, "seenAt": datetime(2100, 1, 1, tzinfo=UTC)}
    await stores.database["workers"].insert_one({"_id": "one", **worker})
    settings = {
        "MONGODB_URI": servers.mongo.replace("/chatgrow", f"/{stores.database.name}"),
        "REDIS_URL": servers.redis,
        "DATA_DIR": str(tmp_path),
        "INITIAL_API_KEY": KEY,
        "API_KEY_RATE_LIMIT_MAX_REQUESTS": "1000000",
        "RATE_LIMIT_MAX_REQUESTS": "1000000",
        "BCRYPT_ROUNDS": "4",
        "PORT": "0",
    }
    async with _api(settings, tmp_path / "api.log") as url:
        known = await _furnish(stores, url)
        told, code = await _schemathesis(f"{url}/openapi.json", known)
    assert code == 0, told


async def _furnish(stores: Stores, url: str) -> dict[str, dict[str, list[str]]]:
    """Make what no request can make; return what names it, by operation."""
    await _register_the_first(url)
    shown = await stores.connection("shows_a_code")
    await stores.connections.change(shown, {"phoneNumber": "+972501234567"})
    await show_code(stores, timedelta(hours=3))
    resting = await stores.connection("resting")
    await stores.connection("leaving")
    messages = [(await stores.message(resting)).id for _ in range(2)]
    await stores.outbox.cancel(None, messages[0])
    tokens = {name: await _link(url, name) for name in ("shows_a_code", "resting")}
    known: dict[str, dict[str, list[str]]] = {
        "GET /link/state": {"X-Link-Token": list(tokens.values())},
        "POST /link/start": {"X-Link-Token": [tokens["resting"]]},
        "POST /link/pairing-code": {"X-Link-Token": [tokens["resting"]]},
        "GET /api/whatsapp/messages/{id}": {"id": messages},
        "DELETE /api/whatsapp/messages/{id}": {"id": messages},
        "POST /api/whatsapp/messages/{id}/retry": {"id": messages},
        "GET /api/whatsapp/connections/{id}/qr": {"id": ["shows_a_code", "resting"]},
    }
    for each in OPERATIONS:
        if each.named("path") == ["id"] and "/connections/" in each.path:
            leaves = each.method == "DELETE" or each.path.endswith("/logout")
            known.setdefault(str(each), {"id": ["leaving" if leaves else "resting"]})
    return known


async def _register_the_first(url: str) -> None:
    """Register the administrator: more users can be registered from then on."""
    wish = {"email": "first@example.com", "password": "correct horse battery", "setupToken": KEY}
    async with ClientSession() as http, http.post(f"{url}/api/auth/register", json=wish) as made:
        assert made.status == 201


async def _link(url: str, connection_id: str) -> str:
    """Make a signed link to a connection; return its token."""
    path = f"{url}/api/whatsapp/connections/{connection_id}/qr-link"
    async with ClientSession(headers={"X-Api-Key": KEY}) as http, http.post(path) as made:
        return str((await made.json())["url"]).partition("#")[2]


@asynccontextmanager
async def _api(settings: dict[str, str], log: Path) -> AsyncIterator[str]:
    """Run the API as a process of its own; yield its address."""
    with log.open("wb") as file:
        async with _python("-m", "control_api", settings=settings, stdout=file):
            await until(lambda: b"listens on" in log.read_bytes(), within=PATIENCE)
            found = re.search(r"listens on (http://\S+)", log.read_text())
            assert found is not None
            yield found[1]


async def _schemathesis(url: str, known: dict[str, dict[str, list[str]]]) -> tuple[str, int | None]:
    """Return what schemathesis says, and its exit code."""
    arguments = ("--config-file", "tests/contract/schemathesis.toml", "run", url, "-n", EXAMPLES)
    settings = {"CONTRACT_API_KEY": KEY, "CONTRACT_KNOWN": json.dumps(known), "COLUMNS": "200"}
    async with _python(
        "-m", "schemathesis.cli", *arguments, settings=settings, stdout=PIPE
    ) as process:
        told, _ = await process.communicate()
        return told.decode(), process.returncode


@asynccontextmanager
async def _python(
    *arguments: str, settings: dict[str, str], stdout: IO[bytes] | int
) -> AsyncIterator[Process]:
    """Run a Python program, and end it in any case."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=stdout,
        stderr=STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()

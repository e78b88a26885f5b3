"""`scripts/cancel_queued.sh` against the API: what ends meanwhile does not stop it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from control_api.app import build_app
from control_api.http.problems import Handler
from control_api.services import Services
from sessions.messages.model import Message, MessageStatus
from tests.builders import OWNER, Stores
from tests.conftest import ROOT
from tests.integration.conftest import KEY


@asynccontextmanager
async def _api(
    services: Services, before_the_first: Callable[[], Awaitable[object]]
) -> AsyncIterator[str]:
    """Serve the API; something happens before the first message is cancelled."""
    happened = False

    @web.middleware
    async def meanwhile(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal happened
        if request.method == "DELETE" and not happened:
            happened = True
            await before_the_first()
        return await handler(request)

    app = build_app(services, upkeep=False)
    app.middlewares.insert(0, meanwhile)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def _run(
    address: str, key: str = KEY, path: str = os.environ["PATH"]
) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        "bash",
        ROOT / "scripts/cancel_queued.sh",
        address,
        env={**os.environ, "KEY": key, "PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()


async def _statuses(stores: Stores, messages: list[Message]) -> set[MessageStatus]:
    return {(await stores.outbox.find(None, each.id)).status for each in messages}


async def test_what_ends_meanwhile_keeps_nothing_else_from_being_cancelled(
    services: Services, stores: Stores
) -> None:
    main, others = (
        await stores.connection(),
        await stores.connection("other", owner="somebody else"),
    )
    texts = ["Hello", 'says "messageId": "none", {and} [more]'] * 30
    messages = [await stores.message(main, text) for text in texts]
    messages.append(await stores.message(others))

    async def two_end() -> None:
        for each in messages[-2:]:
            await stores.outbox.cancel(None, each.id)

    async with _api(services, two_end) as address:
        assert await _run(address) == (0, f"cancelled: {len(messages) - 2}\n", "")
        assert await _statuses(stores, messages) == {MessageStatus.CANCELLED}
        assert await _run(address) == (0, "cancelled: 0\n", "")


async def test_the_key_stands_on_no_command_line(
    services: Services, stores: Stores, tmp_path: Path
) -> None:
    await stores.message(await stores.connection())
    said, curl = tmp_path / "said", tmp_path / "curl"
    # What everybody on the host can read of each curl.
    curl.write_text(f'#!/bin/sh\nprintf "%s\n" "$@" >> {said}\nexec {shutil.which("curl")} "$@"\n')
    curl.chmod(0o755)

    async def nothing() -> None:
        pass

    async with _api(services, nothing) as address:
        path = f"{tmp_path}:{os.environ['PATH']}"
        assert await _run(address, path=path) == (0, "cancelled: 1\n", "")
    assert "/api/whatsapp/messages" in said.read_text()
    assert KEY not in said.read_text()


async def test_a_key_that_may_not_cancel_is_no_success(services: Services, stores: Stores) -> None:
    message = await stores.message(await stores.connection())

    async def key_is_revoked() -> None:
        await services.keys.revoke(OWNER, "initial", services.now())

    async with _api(services, key_is_revoked) as address:
        code, out, error = await _run(address)
    assert (code, out) == (1, "")
    assert "401" in error
    assert await _statuses(stores, [message]) == {MessageStatus.QUEUED}

"""What is refused is refused before its body is read: the answer comes though the body does not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from control_api.http.bodies import STRANGERS_BODY
from control_api.services import Services
from sessions.accounts.api_keys import Grant
from sessions.common.callers import FIRST_OWNER, Scope
from sessions.common.clock import utc_now
from tests.integration.api.test_hostile_requests import HOST, MIB, Api, serving
from tests.integration.conftest import KEY
from tests.integration.operations import OPERATIONS, Operation

if TYPE_CHECKING:
    from tests.integration.api.test_hostile_requests import Answer

WITH_BODY = [each for each in OPERATIONS if each.content is not None or each.takes_file]
KEPT = [each for each in WITH_BODY if not each.is_open]
OPEN = [each for each in WITH_BODY if each.is_open]
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture
async def api(services: Services) -> AsyncIterator[Api]:
    async with serving(services) as api:
        yield api


def _head(operation: Operation, headers: bytes) -> bytes:
    """Return the head of a request; ids in its path name nothing."""
    query = f"?{urlencode(wanted)}" if (wanted := operation.wanted_query) else ""
    url = re.sub(r"{\w+}", "none", operation.path) + query
    return f"{operation.method} {url} HTTP/1.1\r\n".encode() + HOST + JSON + headers + b"\r\n"


def _length(size: int) -> bytes:
    return b"Content-Length: %d\r\n" % size


def _key(key: str) -> bytes:
    return f"X-Api-Key: {key}\r\n".encode()


def _told(answer: Answer | None) -> tuple[int, str] | None:
    return (answer.status, answer.code) if answer else None


async def test_who_may_not_is_told_so_without_the_body(api: Api, services: Services) -> None:
    for each in KEPT:
        refused = await api.ask(_head(each, _length(900_000)))
        assert _told(refused) == (401, "unauthorized"), str(each)
        unknown = await api.ask(_head(each, _key("x" * 40) + CHUNKED))
        assert _told(unknown) == (401, "unauthorized"), str(each)
        if each.scope:
            lacking = await api.ask(_head(each, await _key_without(services, each.scope) + CHUNKED))
            assert _told(lacking) == (403, "forbidden"), str(each)


async def _key_without(services: Services, scope: str) -> bytes:
    scopes = frozenset(each for each in Scope if each != scope)
    grant = Grant(FIRST_OWNER, "a test", scopes, all_owners=True)
    _, key = await services.keys.create(grant, utc_now())
    return _key(key)


async def test_the_rest_of_a_refused_body_is_waited_for_shortly(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    async with api.socket() as socket:
        await socket.write(_head(KEPT[0], _length(900_000)))
        assert _told(await socket.answer()) == (401, "unauthorized")
        await _turns()
        with monkeypatch.context() as patched:
            stopped = loop.time() + 3
            patched.setattr(loop, "time", lambda: stopped)
            await _turns()
        assert socket.ended


async def _turns() -> None:
    """Let the event loop do what it can do now."""
    for _ in range(100):
        await asyncio.sleep(0)


MOST = {"/api/whatsapp/send": 24 * MIB, "/api/whatsapp/send/bulk": 50 * MIB}


async def test_what_is_too_large_is_refused_by_what_it_says_of_itself(api: Api) -> None:
    for each in [each for each in KEPT if not each.takes_file]:
        most = MOST.get(each.path, MIB)
        refused = await api.ask(_head(each, _key(KEY) + _length(most + 1)))
        assert _told(refused) == (413, "request_entity_too_large"), str(each)


async def test_strangers_have_little_to_say(api: Api) -> None:
    half = b"%x\r\n%s\r\n" % (STRANGERS_BODY, b" " * STRANGERS_BODY)
    for each in OPEN:
        refused = await api.ask(_head(each, _length(STRANGERS_BODY + 1)))
        assert _told(refused) == (413, "request_entity_too_large"), str(each)
        endless = await api.ask(_head(each, CHUNKED), half, half)
        assert _told(endless) == (413, "request_entity_too_large"), str(each)


async def test_who_waits_for_leave_sends_a_body_only_when_it_is_wanted(api: Api) -> None:
    send = next(each for each in KEPT if each.path == "/api/whatsapp/send")
    asks = b"Expect: 100-continue\r\n"
    async with api.socket() as socket:
        await socket.write(_head(send, asks + _length(2)))
        assert _told(await socket.answer()) == (401, "unauthorized")
    async with api.socket() as socket:
        await socket.write(_head(send, asks + _key(KEY) + _length(2)))
        leave = await socket.answer()
        assert leave is not None
        assert leave.status == 100
        await socket.write(b"{}")
        assert _told(await socket.answer()) == (422, "invalid_fields")

"""What strangers write to the socket: a clear refusal or a closed connection, and life goes on."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from control_api.app import build_app
from control_api.http.transport import ApiRunner
from control_api.services import Services
from tests.integration.conftest import KEY
from tests.integration.services import services_with
from tests.logged import logged

HOST = b"Host: localhost\r\n"
KEYED = HOST + b"X-Api-Key: " + KEY.encode() + b"\r\n"
JSON = KEYED + b"Content-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"
SEND = b"POST /api/whatsapp/send HTTP/1.1\r\n" + JSON
MIB = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """One HTTP answer as it came over the socket."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a problem, which must be one."""
        assert self.headers["content-type"].startswith("application/problem+json"), self
        problem: dict[str, Any] = json.loads(self.body)
        assert problem["status"] == self.status
        return str(problem["code"])


@dataclass
class Socket:
    """A connection to the API that writes whatever it likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def ended(self) -> bool:
        """Whether the other side has closed, or a write has found that it has."""
        return self.reader.at_eof() or self.writer.is_closing()

    async def write(self, data: bytes) -> None:
        """Write, unless the other side has had enough."""
        with suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self) -> Answer | None:
        """Read one answer; None when the connection is closed instead."""
        async with asyncio.timeout(20):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = [line.partition(": ") for line in lines if line]
            headers = {name.lower(): value for name, _, value in pairs}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            return Answer(int(first.split()[1]), headers, body)

    async def closed(self) -> None:
        """Wait until the other side has closed."""
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                while await self.reader.read(65_536):
                    pass


@dataclass(frozen=True)
class Api:
    """The API, listening on a port of its own."""

    port: int

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Socket]:
        """Open a connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Socket(reader, writer)
        finally:
            writer.close()

    async def ask(self, *parts: bytes) -> Answer | None:
        """Write a request on a connection of its own, and read the answer."""
        async with self.socket() as socket:
            for part in parts:
                await socket.write(part)
            return await socket.answer()

    async def refusals(self, requests: Mapping[str, bytes]) -> dict[str, tuple[int, str] | None]:
        """Tell with which status and code each request is refused; None: closed."""
        told: dict[str, tuple[int, str] | None] = {}
        for name, request in requests.items():
            answer = await self.ask(request)
            told[name] = (answer.status, answer.code) if answer else None
        return told


@pytest.fixture
async def api(services: Services) -> AsyncIterator[Api]:
    """Serve as the program does; at the end it still serves, and has logged no error of its own."""
    with logged("ERROR") as errors:
        async with serving(services) as api:
            yield api
            healthy = await api.ask(b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n")
            assert healthy is not None
            assert healthy.status == 200
    assert errors == []


@asynccontextmanager
async def serving(services: Services, **settings: object) -> AsyncIterator[Api]:
    """Listen on a free port, with settings of the test's own."""
    settings.setdefault("rate_limit_max_requests", 100_000)
    chosen = services.settings.model_copy(update=settings)
    app = build_app(services_with(services, settings=chosen), upkeep=False)
    runner = ApiRunner(app, chosen.keepalive_timeout)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Api(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _get(path: bytes, headers: bytes = HOST, version: bytes = b"HTTP/1.1") -> bytes:
    return b"GET " + path + b" " + version + b"\r\n" + headers + b"\r\n"


def _post(headers: bytes, body: bytes = b"") -> bytes:
    return SEND + headers + b"\r\n" + body


async def test_what_is_not_http_is_refused(api: Api) -> None:
    requests = {
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 100,
        "HTTP/0.9": b"GET /api\r\n\r\n",
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/3.7": _get(b"/api", version=b"HTTP/3.7"),
        "no version": b"GET /api HTTP\r\n\r\n",
        "a method nobody knows": b"FROB /api HTTP/1.1\r\n" + HOST + b"\r\n",
        "a method in lower case": b"get /api HTTP/1.1\r\n" + HOST + b"\r\n",
        "noise": b"\x00\xff\xfe\r\n\r\n",
        "bare LF": b"GET /api HTTP/1.1\nHost: localhost\n\n",
        "bare CR in a header": _get(b"/api", HOST + b"X-Note: a\rb\r\n"),
        "NUL in a header": _get(b"/api", HOST + b"X-Note: a\0b\r\n"),
        "folded header": _get(b"/api", HOST + b"X-Note: a\r\n b\r\n"),
        "space before the colon": _get(b"/api", HOST + b"X-Note : a\r\n"),
        "header without a colon": _get(b"/api", HOST + b"X-Note\r\n"),
        "header without a name": _get(b"/api", HOST + b": a\r\n"),
        "no host": _get(b"/api", b""),
        "two hosts": _get(b"/api", HOST + HOST),
        "bytes beyond ASCII in the host": _get(b"/api", b"Host: \xff\xfe\r\n"),
        "a host that is none": _get(b"/api", b"Host: api.example.org/<path>\r\n"),
        "bytes beyond ASCII in the path": _get(b"/\xff"),
        "no slash": _get(b"api"),
        "an address that is none": _get(b"http://[::1"),
        "a port that is none": _get(b"http://api.example.org:99999999/"),
        "CR LF in a value we keep": _post(b"Idempotency-Key: a\rSet-Cookie: b\r\n"),
    }
    expected = dict.fromkeys(requests, (400, "malformed_request"))
    assert await api.refusals(requests) == expected


async def test_refusals_outside_the_application_are_protected_too(api: Api) -> None:
    answer = await api.ask(_get(b"/api", b"X-Api-Key: a secret\0\r\n"))
    assert answer is not None
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["server"] == "ChatGrow"
    assert b"secret" not in answer.body


async def test_what_smuggles_is_refused(api: Api) -> None:
    chunked = b"Transfer-Encoding: chunked\r\n"
    requests = {
        "two lengths": _post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"),
        "the same length twice": _post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"),
        "lengths in one line": _post(b"Content-Length: 3, 3\r\n", b"abc"),
        "length and chunks": _post(b"Content-Length: 3\r\n" + chunked, b"0\r\n\r\n"),
        "chunks and length": _post(chunked + b"Content-Length: 3\r\n", b"0\r\n\r\n"),
        "two encodings": _post(chunked + b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n"),
        "an unknown encoding": _post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
        "chunked not last": _post(b"Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n"),
        "a space before the colon": _post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
        "a length with a sign": _post(b"Content-Length: +3\r\n", b"abc"),
        "a negative length": _post(b"Content-Length: -3\r\n", b"abc"),
        "a length in hexadecimal": _post(b"Content-Length: 0x3\r\n", b"abc"),
        "a length beyond all": _post(b"Content-Length: " + b"9" * 40 + b"\r\n", b"abc"),
        "a chunk without a size": _post(chunked, b"zz\r\nabc\r\n"),
        "a chunk beyond all": _post(chunked, b"f" * 20 + b"\r\nabc\r\n"),
        "a chunk that is longer": _post(chunked, b"1\r\nabc\r\n0\r\n\r\n"),
    }
    told = await api.refusals(requests)
    assert {name: each[0] if each else None for name, each in told.items()} == dict.fromkeys(
        requests, 400
    )


async def test_what_follows_a_body_is_a_request_without_the_rights_of_the_first(api: Api) -> None:
    hidden = _get(b"/api/whatsapp/connections")
    async with api.socket() as socket:
        await socket.write(_post(b"Content-Length: 2\r\n", b"{}" + hidden))
        first, second = await socket.answer(), await socket.answer()
    assert first is not None
    assert (first.status, first.code) == (422, "invalid_fields")
    assert second is not None
    assert (second.status, second.code) == (401, "unauthorized")
    junk = await api.ask(_post(b"Content-Length: 2\r\n", b"{}JUNK /api HTTP/1.1\r\n\r\n"))
    assert junk is not None
    assert (junk.status, junk.code) == (400, "malformed_request")


async def test_heads_that_are_too_large_are_refused(api: Api) -> None:
    requests = {
        "path": _get(b"/" + b"a" * 20_000),
        "header": _get(b"/api", HOST + b"X-Note: " + b"a" * 20_000 + b"\r\n"),
        "header name": _get(b"/api", HOST + b"a" * 20_000 + b": 1\r\n"),
    }
    expected = dict.fromkeys(requests, (431, "request_header_fields_too_large"))
    assert await api.refusals(requests) == expected
    many = b"".join(b"X-Note-%d: a\r\n" % number for number in range(1000))
    refused = await api.ask(_get(b"/api", HOST + many))
    assert refused is not None
    assert refused.status in (400, 431)
    assert refused.code


async def test_paths_that_are_odd_lead_nowhere(api: Api) -> None:
    odd = [
        b"//api",
        b"/api/",
        b"/api//whatsapp/connections",
        b"/api/../health",
        b"/%2e%2e/%2e%2e/etc/passwd",
        b"/docs/%2e%2e%2f%2e%2e%2fpackage.json",
        b"/docs/..%5c..%5cpackage.json",
        b"/%00",
        b"/api%00",
        b"/%ff%fe",
        b"/%",
        b"/api;x=1",
        b"/a" + b"/a" * 2000,
        b"/" + b"%41" * 2000,
        b"/%0d%0aSet-Cookie:%20a=b",
        b"http://localhost/nowhere",
    ]
    for path in odd:
        answer = await api.ask(_get(path, KEYED))
        assert answer is not None, path
        assert (answer.status, answer.code) == (404, "not_found"), path
        assert "set-cookie" not in answer.headers


async def test_ids_that_are_odd_name_nothing(api: Api) -> None:
    ids = (b"%00", b"%ff", b"a%0d%0aSet-Cookie:%20a=b", b"%24where", b"..%2f..", b"%F0%9F%92%A9")
    for each in ids:
        for path in (b"/api/whatsapp/connections/", b"/api/whatsapp/messages/"):
            answer = await api.ask(_get(path + each + b"?owner=%00", KEYED))
            assert answer is not None, each
            assert answer.status in (404, 422), (each, answer)
            assert answer.code
            assert "set-cookie" not in answer.headers


async def test_unusual_requests_are_understood(api: Api) -> None:
    asked = {
        "absolute form": _get(b"http://localhost/api"),
        "HTTP/1.0": _get(b"/api", b"", version=b"HTTP/1.0"),
        "a query full of junk": _get(b"/api?%00=%ff&&&=;=%"),
        "an upgrade that we do not offer": _get(
            b"/api", HOST + b"Connection: upgrade\r\nUpgrade: websocket\r\n"
        ),
        "a cookie that is none": _get(b"/api", HOST + b"Cookie: ;;;=\xff\r\n"),
    }
    for name, request in asked.items():
        answer = await api.ask(request)
        assert answer is not None, name
        assert answer.status == 200, name


async def test_methods_and_expectations_that_we_do_not_take_are_refused(api: Api) -> None:
    expected = {}
    requests = {}
    for method in (b"TRACE", b"PROPFIND", b"DELETE", b"PUT", b"SUBSCRIBE"):
        requests[method.decode()] = method + b" /api HTTP/1.1\r\n" + HOST + b"\r\n"
        expected[method.decode()] = (405, "method_not_allowed")
    requests["OPTIONS *"] = b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n"
    requests["CONNECT"] = b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n"
    expected["OPTIONS *"] = (404, "not_found")
    expected["CONNECT"] = (421, "host_not_allowed")
    requests["Expect"] = _post(b"Expect: the impossible\r\nContent-Length: 2\r\n", b"{}")
    expected["Expect"] = (417, "expectation_failed")
    assert await api.refusals(requests) == expected


def _chunks(data: bytes, size: int = 65_536) -> bytes:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


async def test_bodies_over_the_limit_are_refused(api: Api) -> None:
    large = b'{"name":"' + b"a" * 2 * MIB + b'"}'
    bomb = gzip.compress(bytes(64 * MIB))
    requests = {
        "with its length": _post(b"Content-Length: %d\r\n" % len(large), large),
        "in chunks": _post(b"Transfer-Encoding: chunked\r\n", _chunks(large)),
        "unpacked": _post(b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(bomb), bomb),
    }
    expected = dict.fromkeys(requests, (413, "request_entity_too_large"))
    # The limit of a send is higher, since it may contain a file.
    others = {
        name: request.replace(b"/send", b"/connections", 1) for name, request in requests.items()
    }
    assert await api.refusals(others) == expected


async def test_bodies_that_cannot_be_read_are_refused(api: Api) -> None:
    deep = b'{"message":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    bodies = {
        "gzip that is none": (b"Content-Encoding: gzip\r\n", b"abc", "malformed_body"),
        "not JSON": (b"", b"{", "malformed_json"),
        "not UTF-8": (b"", b'"\xff"', "malformed_json"),
        "nested too deep": (b"", deep, "malformed_json"),
        "a number too long": (b"", b'{"message":' + b"9" * 10_000 + b"}", "malformed_json"),
        "nothing": (b"", b"", "malformed_json"),
    }
    requests = {
        name: _post(headers + b"Content-Length: %d\r\n" % len(body), body)
        for name, (headers, body, _) in bodies.items()
    }
    expected = {name: (400, code) for name, (_, _, code) in bodies.items()}
    assert await api.refusals(requests) == expected
    brotli = await api.refusals(
        {"brotli": _post(b"Content-Encoding: br\r\nContent-Length: 1\r\n", b"x")}
    )
    assert brotli == {"brotli": (415, "unsupported_media_type")}
    half = gzip.compress(b"{}" * 1000)[:20]
    cut = await api.ask(_post(b"Content-Encoding: gzip\r\nContent-Length: 20\r\n", half))
    assert cut is not None
    assert cut.status == 400


async def test_bodies_that_end_early_are_dropped(api: Api) -> None:
    for headers, body in (
        (b"Content-Length: 100\r\n", b"{"),
        (b"Transfer-Encoding: chunked\r\n", b"64\r\n{"),
        (b"Content-Length: 100\r\n", b""),
    ):
        async with api.socket() as socket:
            await socket.write(_post(headers, body))
            socket.writer.write_eof()
            assert await socket.answer() is None


async def test_clients_that_leave_at_once_are_forgotten(api: Api) -> None:
    for request in (_post(b"Content-Length: 100\r\n", b"{"), b"GET /ap", _get(b"/health"), b""):
        async with api.socket() as socket:
            await socket.write(request)
            transport: Any = socket.writer.transport
            transport.abort()


async def test_slow_senders_are_let_go(services: Services) -> None:
    short = timedelta(milliseconds=300)
    with logged("ERROR") as errors:
        async with serving(services, keepalive_timeout=short, body_timeout=short) as api:
            async with api.socket() as silent, api.socket() as half, api.socket() as idle:
                await half.write(b"GET /api HTTP/1.1\r\nHost: loc")
                await idle.write(_get(b"/api"))
                assert await idle.answer() is not None
                await silent.closed()
                await half.closed()
                await idle.closed()
            for framing, start in (
                (b"Content-Length: 100\r\n", b"{"),
                (b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n"),
            ):
                refused = await api.ask(_post(framing, start))
                assert refused is not None
                assert (refused.status, refused.code) == (408, "request_timeout")
            await _drip(api, _get(b"/api", HOST + b"X-Note: " + b"a" * 4000 + b"\r\n"))
    assert errors == []


async def _drip(api: Api, data: bytes) -> None:
    """Write byte by byte until the other side has had enough, which must come before the end."""
    async with api.socket() as socket:
        for position in range(len(data)):
            await socket.write(data[position : position + 1])
            if socket.ended:
                return
            await asyncio.sleep(0.02)
    pytest.fail("A request that took for ever was waited for.")


async def test_many_slow_senders_do_not_keep_others_out(api: Api) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", api.port) for _ in range(200)]
    for _, writer in opened:
        writer.write(SEND + b"Content-Length: 100\r\n\r\n{")
    answer = await api.ask(_get(b"/api"))
    assert answer is not None
    assert answer.status == 200
    for _, writer in opened:
        writer.transport.abort()


async def test_noise_never_makes_it_fail(api: Api) -> None:
    dice = random.Random(7)  # noqa: S311  the same noise each time
    body = b'{"connectionId":"main","to":"+972501234567","message":"Hello"}'
    sound = [
        _get(b"/api/whatsapp/connections/main?owner=admin", KEYED + CLOSE),
        _post(CLOSE + b"Content-Length: %d\r\n" % len(body), body),
        _post(CLOSE + b"Transfer-Encoding: chunked\r\n", _chunks(body, 10)),
    ]
    changes: list[Callable[[bytearray, int], None]] = [
        lambda data, at: data.__setitem__(at, dice.randrange(256)),
        lambda data, at: data.insert(at, dice.choice(b"\r\n\0: %{\xff")),
        lambda data, at: data.__delitem__(slice(at, at + dice.randrange(1, 9))),
        lambda data, at: data.__setitem__(slice(at, at), data[at : at + 40]),
    ]
    for _ in range(400):
        data = bytearray(dice.choice(sound))
        for _ in range(dice.randrange(1, 4)):
            dice.choice(changes)(data, dice.randrange(len(data)))
        async with api.socket() as socket:
            await socket.write(bytes(data))
            socket.writer.write_eof()
            answer = await socket.answer()
            assert answer is None or answer.status < 500, bytes(data)

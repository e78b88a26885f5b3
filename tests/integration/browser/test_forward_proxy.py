"""The proxy that the live check cuts, between an HTTP client and a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.forward_proxy import ForwardProxy


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.path_qs} {await request.text()}")

    application = web.Application()
    application.router.add_route("*", "/echo", echo)
    running = TestServer(application)
    async with running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_requests_are_carried(server: TestServer, http: aiohttp.ClientSession) -> None:
    async with ForwardProxy(lambda _host: True).serving() as proxy:
        url = server.make_url("/echo?a=b")
        async with http.post(url, data="body", proxy=proxy.uri) as answer:
            assert await answer.text() == "/echo?a=b body"
        assert proxy.carried == 1


async def test_a_host_that_is_not_allowed_is_refused_and_told(
    server: TestServer, http: aiohttp.ClientSession
) -> None:
    async with ForwardProxy(lambda host: host == server.host).serving() as proxy:
        async with http.get("http://elsewhere.invalid/", proxy=proxy.uri) as answer:
            assert answer.status == 403
        async with http.get(server.make_url("/echo"), proxy=proxy.uri) as answer:
            assert answer.status == 200
        assert proxy.refused == {"elsewhere.invalid"}


async def test_a_cut_breaks_what_is_open_and_what_comes_until_it_is_mended(
    server: TestServer, http: aiohttp.ClientSession
) -> None:
    async with ForwardProxy(lambda _host: True).serving() as proxy:
        reader, writer = await _tunnel(proxy, server)
        writer.write(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        proxy.cut()
        with suppress(ConnectionResetError):
            await reader.read()  # it ends; without the cut it would stay open
        writer.close()
        with pytest.raises(aiohttp.ClientError):
            await http.get(server.make_url("/echo"), proxy=proxy.uri)
        proxy.mend()
        async with http.get(server.make_url("/echo"), proxy=proxy.uri) as answer:
            assert answer.status == 200


async def _tunnel(
    proxy: ForwardProxy, server: TestServer
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a tunnel as a browser does for a WebSocket."""
    host, port = proxy.uri.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"CONNECT {server.host}:{server.port} HTTP/1.1\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    return reader, writer

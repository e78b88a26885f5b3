"""What strangers name is fetched from public addresses only, and within bounds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from sessions.network.guarded_client import (
    AnswerTooLargeError,
    Bounds,
    FetchError,
    FetchTimedOutError,
    GuardedClient,
    HostUnreachableError,
    TooManyRedirectsError,
    UrlNotAllowedError,
)
from sessions.network.public_addresses import AddressNotAllowedError
from tests.ports import LOOPBACK, free_port

BOUNDS = Bounds(within=timedelta(seconds=20), at_most=1000)
SHORT = Bounds(within=timedelta(milliseconds=200), at_most=1000)
HOPS = Bounds(within=timedelta(seconds=20), at_most=1000, redirects=3)


class _Names(AbstractResolver):
    """A resolver that answers the next of a name's addresses at each call, then the last again."""

    def __init__(self, **addresses: list[list[str]]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answers = self._addresses[host.partition(".")[0]]
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for each in now
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.method} {await request.text()}")

    async def headers(request: web.Request) -> web.Response:
        return web.json_response({name.lower(): each for name, each in request.headers.items()})

    async def redirect(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["to"]})

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1001)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 300)

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await asyncio.Event().wait()
        return response

    app = web.Application()
    for each in (hello, headers, redirect, large, endless, dripping):
        app.router.add_route("*", f"/{each.__name__}", each)
    running = TestServer(app, host=LOOPBACK)
    await running.start_server()
    yield running
    await running.close()


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    async with GuardedClient([LOOPBACK]) as client:
        yield client


async def _get(client: GuardedClient, url: object, bounds: Bounds = BOUNDS) -> bytes:
    async with client.open("GET", str(url), bounds) as answer:
        return await answer.read()


async def test_a_listed_host_is_reached(server: TestServer, client: GuardedClient) -> None:
    async with client.open("POST", str(server.make_url("/hello")), BOUNDS, body=b"you") as answer:
        assert (answer.status, await answer.read()) == (200, b"POST you")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_our_own_network_is_not_reached(server: TestServer, host: str) -> None:
    async with GuardedClient() as client:
        with pytest.raises((AddressNotAllowedError, UrlNotAllowedError)):
            await _get(client, f"http://{host}:{server.port}/hello")


async def test_a_name_is_refused_if_one_of_its_addresses_is_private(server: TestServer) -> None:
    names = _Names(mixed=[["8.8.8.8", LOOPBACK]])
    async with GuardedClient(resolver=names) as client:
        with pytest.raises(AddressNotAllowedError) as refused:
            await _get(client, f"http://mixed.example:{server.port}/hello")
    assert LOOPBACK not in str(refused.value)


async def test_a_name_is_looked_up_anew_for_each_connection(server: TestServer) -> None:
    names = _Names(changing=[[LOOPBACK], ["10.0.0.1"]])
    url = f"http://changing.example:{server.port}/hello"
    async with GuardedClient(["changing.example"], names) as client:
        assert await _get(client, url) == b"GET "
    async with GuardedClient(resolver=names) as client:
        with pytest.raises(AddressNotAllowedError):
            await _get(client, url)


async def test_a_listed_name_may_resolve_inside(server: TestServer) -> None:
    names = _Names(inner=[[LOOPBACK]])
    async with GuardedClient([".example"], names) as client:
        assert await _get(client, f"http://Inner.EXAMPLE:{server.port}/hello") == b"GET "


async def test_a_redirect_is_answered_unless_it_may_be_followed(
    server: TestServer, client: GuardedClient
) -> None:
    url = str(server.make_url("/redirect").with_query(to="/hello"))
    async with client.open("GET", url, BOUNDS) as answer:
        assert answer.status == 302
    assert await _get(client, url, HOPS) == b"GET "


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("http://169.254.169.254/latest", AddressNotAllowedError),
        ("http://localhost/", AddressNotAllowedError),
        ("file:///etc/passwd", UrlNotAllowedError),
        ("http://user:secret@example.com/", UrlNotAllowedError),
        ("/redirect?to=/redirect?to=/hello", FetchError),
    ],
)
async def test_each_redirect_is_checked(
    server: TestServer, client: GuardedClient, to: str, error: type[Exception]
) -> None:
    bounds = Bounds(within=BOUNDS.within, at_most=1000, redirects=1)
    with pytest.raises(error):
        await _get(client, server.make_url("/redirect").with_query(to=to), bounds)


async def test_redirects_are_counted(server: TestServer, client: GuardedClient) -> None:
    url = server.make_url("/redirect")
    itself = url.with_query(to=str(url.with_query(to="/hello")))
    assert await _get(client, itself, HOPS) == b"GET "
    with pytest.raises(TooManyRedirectsError):
        await _get(client, itself, Bounds(within=BOUNDS.within, at_most=9, redirects=1))


async def test_another_host_does_not_see_credentials(server: TestServer) -> None:
    names = _Names(one=[[LOOPBACK]], two=[[LOOPBACK]])
    url = f"http://one.test:{server.port}/redirect?to=http://two.test:{server.port}/headers"
    async with (
        GuardedClient([".test"], names) as client,
        client.open("GET", url, HOPS, headers={"Authorization": "x", "X-Ours": "y"}) as answer,
    ):
        seen = await answer.read()
    assert b'"x-ours": "y"' in seen
    assert b"authorization" not in seen


@pytest.mark.parametrize("path", ["large", "endless"])
async def test_no_more_bytes_than_allowed_are_taken(
    server: TestServer, client: GuardedClient, path: str
) -> None:
    with pytest.raises(AnswerTooLargeError):
        await _get(client, server.make_url(f"/{path}"))


async def test_the_beginning_of_an_endless_answer(
    server: TestServer, client: GuardedClient
) -> None:
    async with client.open("GET", str(server.make_url("/endless")), BOUNDS) as answer:
        assert await answer.beginning(1024, timedelta(seconds=20)) == b"x" * 1024


async def test_the_beginning_of_an_answer_that_never_goes_on(
    server: TestServer, client: GuardedClient
) -> None:
    async with client.open("GET", str(server.make_url("/dripping")), BOUNDS) as answer:
        assert await answer.beginning(1024, timedelta(milliseconds=100)) == b"first"


async def test_an_answer_has_to_end_in_time(server: TestServer, client: GuardedClient) -> None:
    with pytest.raises(FetchTimedOutError):
        await _get(client, server.make_url("/dripping"), SHORT)


async def test_errors_name_no_address(client: GuardedClient) -> None:
    with pytest.raises(HostUnreachableError) as refused:
        await _get(client, f"http://{LOOPBACK}:{free_port()}/")
    assert LOOPBACK not in str(refused.value)


async def test_an_answer_that_is_not_http(client: GuardedClient) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, LOOPBACK, 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchError):
            await _get(client, f"http://{LOOPBACK}:{port}/")


@pytest.mark.parametrize("url", ["", "nothing", "ftp://example.com/", "http://", "http://[::/"])
async def test_what_is_no_url(client: GuardedClient, url: str) -> None:
    with pytest.raises(UrlNotAllowedError):
        await _get(client, url)

"""What tests of pages share: one address of the API, at which a browser keeps what it has read."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Browser

from control_api.app import build_app
from tests.integration.conftest import KEY
from tests.integration.event_api import EventApi, SocketFactory, event_api
from tests.people import Person
from tests.ports import LOOPBACK, free_port

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from control_api.services import Services
    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database
    from tests.integration.pages.dashboard import Client


@pytest.fixture(scope="session")
async def person(person: Browser) -> Person:
    """Give tests somebody who has been to these pages before."""
    return Person(person)


@pytest.fixture(scope="session")
def one_address() -> Iterator[SocketFactory]:
    """Listen at one port for one server after the other."""
    with socket.create_server((LOOPBACK, free_port())) as listening:
        yield lambda *_: listening.dup()


@pytest.fixture
async def client(services: Services, one_address: SocketFactory) -> AsyncIterator[Client]:
    """Serve the API over the test's stores; its requests carry a key."""
    server = TestServer(build_app(services), socket_factory=one_address)
    async with TestClient(server, headers={"X-Api-Key": KEY}) as client:
        yield client


@pytest.fixture
async def api(
    database: Database, redis: ArqRedis, api_settings: ApiSettings, one_address: SocketFactory
) -> AsyncIterator[EventApi]:
    """Serve the API with its events."""
    async with event_api(database, redis, api_settings, at=one_address) as api:
        yield api

"""What type checkers know of the two clients; mypy checks this file."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, assert_type

import pytest

from chatgrow_client import AsyncClient, Client
from chatgrow_client.models import Accepted, ConnectionView, MessageView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from chatgrow_client import AsyncEventStream, EventStream
    from chatgrow_client.files import AsyncDownload, Download

    def _of_a_client_that_blocks(client: Client) -> None:
        assert_type(client.messages.send("main", "+972501234567", "Hello"), Accepted)
        assert_type(client.connections.create("main"), ConnectionView)
        assert_type(client.messages.list(page_size=5), Iterator[MessageView])
        assert_type(client.events.follow(), EventStream)
        assert_type(client.media.download("m"), Download)
        client.messages.send("main", to=17)  # type: ignore[arg-type]
        client.messages.send("main", "+972501234567", massage="Hello")  # type: ignore[call-arg]

    async def _of_a_client_for_asyncio(client: AsyncClient) -> None:
        assert_type(await client.messages.send("main", "+972501234567", "Hello"), Accepted)
        assert_type(client.messages.list(), AsyncIterator[MessageView])
        assert_type(client.events.follow(), AsyncEventStream)
        assert_type(client.media.download("m"), AsyncDownload)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_method_tells_its_parameters_and_what_it_does(kind: type[Client | AsyncClient]) -> None:
    send = kind("http://localhost").messages.send
    assert [*inspect.signature(send).parameters][:3] == ["connection_id", "to", "message"]
    assert "It is sent once" in (inspect.getdoc(send) or "")

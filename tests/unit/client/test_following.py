"""The client follows events over cuts, and stops for what does not pass."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from itertools import islice

import httpx
import pytest

from chatgrow_client import AsyncClient, Client, NoAnswerError, UnauthorizedError
from chatgrow_client.models import EventType
from tests.unit.client.networks import Network, Piece, Pieces
from tests.unit.client.playing import problem

SOON = b"retry: 1\n\n"
CUT = httpx.ReadError("cut")
URL = "http://localhost"


def _event(place: int, status: str) -> bytes:
    return f'id: {place}\nevent: message.status\ndata: {{"status": "{status}"}}\n\n'.encode()


def _stream(*pieces: Piece) -> httpx.Response:
    return httpx.Response(200, stream=Pieces(*pieces))


def _network(*answers: httpx.Response) -> Network:
    left = deque(answers)
    return Network(lambda _: left.popleft())


def _cut_often() -> Network:
    return _network(
        _stream(SOON, _event(1, "queued"), CUT),
        problem(503, "store_unavailable"),
        _stream(_event(2, "sent"), b"id: 3\nevent: gap\n"),
        _stream(b"event: gap\ndata: {}\n\n", _event(4, "read")),
    )


def _last_ids(network: Network) -> list[str | None]:
    return [each.headers.get("Last-Event-ID") for each in network.requests]


def test_events_go_on_after_cuts() -> None:
    network = _cut_often()
    with Client(URL, transport=network) as client, client.events.follow("main") as events:
        seen = [*islice(events, 4)]
    assert [each.data.get("status") for each in seen] == ["queued", "sent", None, "read"]
    assert [each.is_gap for each in seen] == [False, False, True, False]
    assert _last_ids(network) == [None, "1", "1", "2"]
    assert {each.url.path for each in network.requests} == {"/api/whatsapp/connections/main/events"}


async def test_events_go_on_after_cuts_with_asyncio() -> None:
    network = _cut_often()
    seen = []
    async with AsyncClient(URL, transport=network) as client:
        async with client.events.follow() as events:
            async for event in events:
                seen.append(event)
                if len(seen) == 4:
                    break
        assert events.last_event_id == "4"
    assert seen[0].type is EventType.MESSAGE_STATUS
    assert _last_ids(network) == [None, "1", "1", "2"]


def test_a_follower_goes_on_where_another_ended() -> None:
    network = _network(_stream(_event(8, "sent")))
    with Client(URL, transport=network) as client:
        event = next(client.events.follow(last_event_id="7"))
    assert event.id == "8"
    assert _last_ids(network) == ["7"]


def test_what_does_not_pass_is_raised() -> None:
    network = _network(_stream(SOON, _event(1, "queued")), problem(401, "unauthorized"))
    with Client(URL, transport=network) as client, client.events.follow() as events:
        next(events)
        with pytest.raises(UnauthorizedError):
            next(events)


def test_a_follower_gives_up_if_it_is_told_to() -> None:
    network = _network(_stream(SOON, CUT))
    with (
        Client(URL, transport=network) as client,
        client.events.follow(give_up_after=timedelta(0)) as events,
        pytest.raises(NoAnswerError),
    ):
        next(events)

"""Drawing a QR code takes a while: it holds up nobody, and is done once for all who look."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient

from control_api.phone_linking.qr_images import FORMATS, QrFormat
from tests.builders import Stores
from tests.integration.pages.test_links import CODE, link_to, shows_a_code, state_of

if TYPE_CHECKING:
    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

PATH = "/api/whatsapp/connections/main/qr"


@dataclass
class SlowDrawing:
    """Draws nothing, and that not before it is told to go on; counts what was drawn."""

    drawn: Counter[str] = field(default_factory=Counter)
    go_on: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)

    def draw(self, code: str) -> bytes:
        """Wait, and count; refuse to hold up the event loop, on which nothing would go on."""
        assert threading.current_thread() is not threading.main_thread()
        self.begun.set()
        assert self.go_on.wait(20)
        self.drawn[code] += 1
        return code.encode()


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDrawing]:
    slow = SlowDrawing()
    monkeypatch.setitem(FORMATS, "svg", QrFormat("image/svg+xml", slow.draw))
    yield slow
    slow.go_on.set()


async def test_a_code_is_drawn_beside_the_event_loop_and_once_for_all_who_look(
    client: Client, stores: Stores, drawing: SlowDrawing
) -> None:
    await shows_a_code(stores)
    link = await link_to(client)
    by_key = [asyncio.create_task(client.get(PATH, params={"format": "svg"})) for _ in range(10)]
    by_link = [asyncio.create_task(state_of(client, link)) for _ in range(10)]
    await asyncio.to_thread(drawing.begun.wait, 20)
    assert (await client.get("/health/live")).status == 200
    drawing.go_on.set()
    assert [(await each).status for each in by_key] == [200] * 10
    assert {(await each)["qr"]["svg"] for each in by_link} == {CODE}
    assert list(drawing.drawn.values()) == [1]


async def test_another_code_is_drawn_anew(
    client: Client, stores: Stores, drawing: SlowDrawing
) -> None:
    drawing.go_on.set()
    _, lease = await shows_a_code(stores)
    first = await (await client.get(PATH, params={"format": "svg"})).read()
    code = await stores.connections.find("admin", "main")
    assert code.qr is not None
    await stores.connections.show_qr(lease, code.qr.model_copy(update={"code": "another"}))
    second = await (await client.get(PATH, params={"format": "svg"})).read()
    assert (first, second) == (code.qr.code.encode(), b"another")

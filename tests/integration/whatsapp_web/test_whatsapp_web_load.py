"""Prove that the simulated service carries a hundred linked pages at once, without browsers."""

from __future__ import annotations

import asyncio
import base64
import itertools
import secrets
from collections import defaultdict
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.integration.whatsapp_web_driver import Hand
from tests.waiting import until
from tests.whatsapp_web import whatsapp_web

pytestmark = pytest.mark.slow

PAGES = 100
MESSAGES = 3


class SocketPage:
    """What the page says over its WebSocket, said by a test."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, number: str) -> None:
        self._ws = ws
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.key = Ed25519PrivateKey.generate()
        self._reader = asyncio.create_task(self._read(), name=f"page {number}")
        self.number = number
        self.pushes: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.pushed = asyncio.Event()
        self.frames: list[dict[str, Any]] = []

    async def close(self) -> None:
        await self._ws.close()
        await self._reader

    async def ask(self, op: str, **fields: Any) -> Any:
        answer = await self.try_to(op, **fields)
        assert "error" not in answer, answer
        return answer["value"]

    async def try_to(self, op: str, **fields: Any) -> dict[str, Any]:
        n = len(self._waiting) + 1
        self._waiting[n] = asyncio.get_running_loop().create_future()
        await self._ws.send_json({"n": n, "op": op, **fields})
        return await self._waiting[n]

    async def link(self, hand: Hand) -> None:
        await self.ask("hello")
        public = base64.b64encode(self.key.public_key().public_bytes_raw()).decode()
        refs = await self.ask("register", identity=public, noise=public, device="test")
        await self.ask("showing", ref=refs[0]["ref"])
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        code = ",".join([refs[0]["ref"], public, public, secret])
        await hand.good("POST", f"/control/phones/{self.number}/scan", code=code)
        [login] = await self._next("pair-success")
        await self.log_in(login["device"], login["token"])
        await self.ask("ready", device=login["device"])

    async def send(self, to: str, text: str) -> None:
        message = {"body": text, "type": "chat"}
        await self.ask("send", id=f"{self.number}{text}", to=to, kind="text", message=message)

    async def log_in(self, device: str, token: str) -> None:
        challenge = (await self.ask("login", device=device, token=token))["challenge"]
        signature = self.key.sign(base64.b64decode(challenge))
        signed = base64.b64encode(signature).decode()
        await self.ask("prove", signature=signed)

    async def _next(self, kind: str) -> list[dict[str, Any]]:
        while not self.pushes[kind]:
            self.pushed.clear()
            await self.pushed.wait()
        return self.pushes[kind]

    async def _read(self) -> None:
        async for message in self._ws:
            frame = message.json()
            self.frames.append(frame)
            if "push" in frame:
                self.pushes[frame["push"]].append(frame)
                self.pushed.set()
            else:
                self._waiting[frame["r"]].set_result(frame)


async def test_a_hundred_pages_at_once(tmp_path: Path) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        whatsapp_web(tmp_path) as web,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        hand = Hand(session, web.url)
        pages = [
            SocketPage(await session.ws_connect(web.url + "/ws/chat"), f"+972500000{index:03d}")
            for index in range(PAGES)
        ]
        await asyncio.gather(*(page.link(hand) for page in pages))
        devices = await hand.good("GET", "/control/devices")
        assert sum(device["online"] for device in devices) == PAGES
        await asyncio.gather(
            *(
                page.send(f"{other.number[1:]}@c.us", str(count))
                for page, other in zip(pages, pages[1:] + pages[:1], strict=True)
                for count in range(MESSAGES)
            )
        )
        receipts = 2 * MESSAGES
        await until(lambda: all(len(page.pushes["receipt"]) == receipts for page in pages))
        assert all(len(page.pushes["message"]) == MESSAGES for page in pages)
        ledger = await hand.ledger()
        assert len(ledger) == PAGES * MESSAGES
        assert all(entry["arrivals"] == 1 and entry["deliveredAt"] for entry in ledger)
        await asyncio.gather(*(page.close() for page in pages))


async def test_the_ledger_is_narrowed_by_sender_and_recipient(tmp_path: Path) -> None:
    async with whatsapp_web(tmp_path) as web, aiohttp.ClientSession() as session:
        hand = Hand(session, web.url)
        page = SocketPage(await session.ws_connect(web.url + "/ws/chat"), "+972501234567")
        await page.link(hand)
        for to in ("15550000001", "15550000002"):
            await page.send(f"{to}@c.us", to)
        ledger = "/control/ledger"
        for query, texts in {
            "?from=&to=": ["15550000001", "15550000002"],
            "?from=+972501234567": ["15550000001", "15550000002"],
            "?to=%2B15550000002": ["15550000002"],
            "?from=+15550000001": [],
        }.items():
            found = await hand.good("GET", ledger + query)
            assert [entry["text"] for entry in found] == texts
        assert (await hand.call("GET", ledger + "?from=nobody"))[0] == 400
        await page.close()


async def test_a_stolen_token_without_the_key_is_no_login(tmp_path: Path) -> None:
    async with whatsapp_web(tmp_path) as web, aiohttp.ClientSession() as session:
        hand = Hand(session, web.url)
        page = SocketPage(await session.ws_connect(web.url + "/ws/chat"), "+972501234567")
        await page.link(hand)
        [login] = page.pushes["pair-success"]
        thief = await session.ws_connect(web.url + "/ws/chat")
        frame = {"op": "login", "n": 1, "device": login["device"], "token": login["token"]}
        await thief.send_json(frame)
        assert "challenge" in (await thief.receive_json())["value"]
        forged = base64.b64encode(b"\0" * 64).decode()
        frame = {"op": "prove", "n": 2, "signature": forged}
        await thief.send_json(frame)
        assert (await thief.receive_json())["error"]["code"] == 401
        await thief.close()
        await page.close()


async def test_a_page_hears_that_it_is_replaced_before_it_is_refused_anything(
    tmp_path: Path,
) -> None:
    async with whatsapp_web(tmp_path) as web, aiohttp.ClientSession() as session:
        hand = Hand(session, web.url)
        first, second = [
            SocketPage(await session.ws_connect(web.url + "/ws/chat"), "+972501234567")
            for _ in range(2)
        ]
        await first.link(hand)
        [login] = first.pushes["pair-success"]
        of = {"device": login["device"], "token": login["token"]}
        second.key = first.key
        await second.ask("hello")
        replacing = asyncio.create_task(second.log_in(**of))
        async with asyncio.timeout(60):
            while not first.pushes["replaced"]:
                # The first keeps the service's database busy, the second is refused without it.
                pairs = [
                    (first.try_to("login", **of), first.try_to("ready", **of)) for _ in range(20)
                ]
                await asyncio.gather(*itertools.chain(*pairs))
        await replacing
        refused = [frame for frame in first.frames if frame.get("error", {}).get("code") == 409]
        told = first.frames.index(first.pushes["replaced"][0])
        assert all(first.frames.index(frame) > told for frame in refused)
        await asyncio.gather(first.close(), second.close())

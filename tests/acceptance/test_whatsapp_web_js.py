"""Let an independent client, whatsapp-web.js, work on the simulated WhatsApp Web."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.integration.whatsapp_web_driver import CHROMIUM, Hand
from tests.stack_client import THEIR_PHONE, StackClient, stack
from tests.waiting import until
from tests.whatsapp_web import WhatsAppWeb, whatsapp_web

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ME = "+972501234567"
FRIEND_NUMBER = "+15551234567"
FRIEND = "15551234567@c.us"
PATIENCE = timedelta(seconds=40)


@pytest.fixture(scope="module")
def client_library() -> Path:
    """Return the folder of the client, installing it from the lock file if it is not there."""
    installed = HERE / "node_modules/whatsapp-web.js"
    if not installed.exists():
        environment = {**os.environ, "PUPPETEER_SKIP_DOWNLOAD": "1"}
        command = ["npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=HERE, env=environment, check=True, timeout=100)
    return installed


class Witness:
    """One process that runs the client."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._told: list[dict[str, Any]] = []
        self._more = asyncio.Event()
        self._ending = False
        self._reader = asyncio.create_task(self._read(), name="witness")

    async def told(self, event: str, after: int = 0) -> list[Any]:
        """Wait until the client tells something more than `after` times; return all it told."""
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while len(values := self._values(event)) <= after:
                failures = self._values("failed") + self._values("unhandled")
                assert self._ending or not failures, failures
                self._more.clear()
                await self._more.wait()
        return values

    async def do(self, deed: str, **request: Any) -> Any:
        """Let the client do something and return what came of it."""
        before = len(self._values(f"did:{deed}"))
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"deed": deed, **request}).encode() + b"\n")
        return (await self.told(f"did:{deed}", before))[-1]

    async def end(self) -> None:
        """Close the client's browser and end its process."""
        self._ending = True  # a client that is closed while it starts complains
        if self._process.returncode is None:
            await self.do("destroy")
            self._process.terminate()
        await self._process.wait()
        await self._reader

    def values(self, event: str) -> list[Any]:
        """Return what was told so far."""
        return self._values(event)

    def _values(self, event: str) -> list[Any]:
        return [told["value"] for told in self._told if told["event"] == event]

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._told.append(json.loads(line))
            self._more.set()


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WhatsAppWeb]:
    async with whatsapp_web(tmp_path / "service") as web:
        yield web


@pytest.fixture
async def hand(web: WhatsAppWeb) -> AsyncIterator[Hand]:
    async with aiohttp.ClientSession() as session:
        hand = Hand(session, web.url)
        await hand.faults(syncMs=2500)
        yield hand


@asynccontextmanager
async def witness(url: str, data: Path) -> AsyncIterator[Witness]:
    """Run the client on a data folder of its own."""
    process = await asyncio.create_subprocess_exec(
        *("node", str(HERE / "witness.js"), url + "/", CHROMIUM, str(data)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PUPPETEER_SKIP_DOWNLOAD": "1"},
        cwd=HERE,
        limit=1 << 22,
    )
    witness = Witness(process)
    try:
        yield witness
    finally:
        await witness.end()


async def test_from_code_to_read_and_back_after_a_restart(
    web: WhatsAppWeb, hand: Hand, tmp_path: Path, client_library: Path
) -> None:
    data = tmp_path / "auth"
    async with witness(web.url, data) as client:
        [code] = await client.told("qr")
        await hand.good("POST", f"/control/phones/{ME}/scan", code=code)
        await client.told("authenticated")
        assert (await client.told("ready")) == ["972501234567@c.us"]
        sent = await client.do("send", to=FRIEND, text="hello from the witness")
        await until(lambda: _read_receipt(client, sent))
        assert [told["ack"] for told in client.values("message_ack")] == [1, 2, 3]
        [entry] = await hand.ledger()
        assert entry["text"] == "hello from the witness"
        assert sent == f"true_{FRIEND}_{entry['id']}"

    async with witness(web.url, data) as client:
        await client.told("ready")
        assert client.values("qr") == []
        assert await client.do("state") == "CONNECTED"
        await hand.good("PUT", "/control/numbers/+15559999999", registered=False)
        assert await client.do("numberId", number="15551234567") == FRIEND
        assert await client.do("numberId", number="15559999999") is None
        said = await hand.good(
            "POST", f"/control/phones/{FRIEND_NUMBER}/say", to=ME, text="hello witness"
        )
        [message] = await client.told("message")
        assert message == {
            "id": f"false_{FRIEND}_{said['id']}",
            "from": FRIEND,
            "body": "hello witness",
        }
        await client.do("reply", to=FRIEND, text="yes?", quoted=message["id"])
        await until(lambda: _in_ledger(hand, 3))
        assert (await hand.ledger())[-1]["quoted"] == said["id"]
        await client.do("logout")
        await until(lambda: _no_device(hand))

    async with witness(web.url, data) as client:
        await client.told("qr")


async def test_a_file_and_a_group(
    web: WhatsAppWeb, hand: Hand, tmp_path: Path, client_library: Path
) -> None:
    group = await hand.good("POST", "/control/groups", subject="Team", members=[ME, FRIEND_NUMBER])
    content = b"a file of the witness"
    async with witness(web.url, tmp_path / "auth") as client:
        [code] = await client.told("qr")
        await hand.good("POST", f"/control/phones/{ME}/scan", code=code)
        await client.told("ready")
        data = base64.b64encode(content).decode()
        request = {"mimetype": "application/pdf", "data": data, "name": "paper.pdf"}
        await client.do("sendFile", to=FRIEND, **request)
        await until(lambda: _in_ledger(hand, 1))
        [entry] = await hand.ledger()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        chats = await client.do("chats")
        assert {"id": group["id"], "name": "Team", "unread": 0} in chats
        await client.do("send", to=group["id"], text="hello group")
        await until(lambda: _in_ledger(hand, 2))
        assert (await hand.ledger())[-1]["to"] == group["id"]


async def test_reactions_edits_revocations_votes_and_a_download(
    web: WhatsAppWeb, hand: Hand, tmp_path: Path, client_library: Path
) -> None:
    phone = f"/control/phones/{FRIEND_NUMBER}"
    async with witness(web.url, tmp_path / "auth") as client:
        [code] = await client.told("qr")
        await hand.good("POST", f"/control/phones/{ME}/scan", code=code)
        await client.told("ready")
        own = await client.do("send", to=FRIEND, text="frist")
        await client.told("message_ack")  # what was not sent yet cannot be edited
        assert await client.do("edit", id=own, text="first") == "first"
        await client.do("react", id=own, sign="🎉")
        assert (await client.told("reaction"))[-1]["sign"] == "🎉"
        await hand.good("POST", f"{phone}/react", id=own, emoji="👍")
        told = (await client.told("reaction", after=1))[-1]
        assert told == {"of": own, "sign": "👍", "from": FRIEND}
        await client.do("revoke", id=own)
        await until(lambda: _revoked(hand))
        [entry] = await hand.ledger()
        assert entry["edited"] == "first"
        assert {mark["emoji"] for mark in entry["reactions"]} == {"🎉", "👍"}

        content = base64.b64encode(b"a file of the phone").decode()
        media = {"base64": content, "mimetype": "application/pdf", "filename": "paper.pdf"}
        said = await hand.good("POST", f"{phone}/say", to=ME, media=media)
        key = f"false_{FRIEND}_{said['id']}"
        await client.told("message")
        got = await client.do("download", id=key)
        assert got == {"mimetype": "application/pdf", "data": content, "filename": "paper.pdf"}
        await hand.good("POST", f"{phone}/revoke", id=key)
        await until(lambda: key in client.values("revoked"))

        said = await hand.good("POST", f"{phone}/say", to=ME, text="frist")
        await client.told("message", after=1)
        await hand.good("POST", f"{phone}/edit", id=said["id"], text="first")
        edit = {"id": f"false_{FRIEND}_{said['id']}", "text": "first"}
        await until(lambda: edit in client.values("edit"))
        poll = {"name": "Tea?", "options": ["yes", "no"]}
        said = await hand.good("POST", f"{phone}/say", to=ME, poll=poll)
        await client.told("message", after=2)
        await hand.good("POST", f"{phone}/vote", id=said["id"], options=["no"])
        assert await client.told("vote") == [{"from": FRIEND, "options": ["no"]}]


async def test_linked_by_a_typed_code_and_unlinked_by_the_phone(
    web: WhatsAppWeb, hand: Hand, tmp_path: Path, client_library: Path
) -> None:
    async with witness(web.url, tmp_path / "auth") as client:
        await client.told("qr")
        code = await client.do("pairingCode", number=ME[1:])
        await hand.good("POST", f"/control/phones/{ME}/pair", code=code)
        await client.told("ready")
        await hand.good("POST", f"/control/phones/{ME}/unlink")
        assert (await client.told("disconnected")) == ["LOGOUT"]


async def test_the_other_phone_gets_each_kind_that_we_send_and_sees_what_is_done_to_it(
    tmp_path: Path, mongo_option: tuple[str, str], client_library: Path
) -> None:
    options = ("--data", str(tmp_path / "stack"), *mongo_option)
    async with stack(*options) as system, witness(system.about["simulator"], tmp_path) as other:
        await system.control("PUT", "faults", {"pollsArrive": True, "syncMs": 2500})
        await system.control("POST", "phones", {"number": THEIR_PHONE})
        [code] = await other.told("qr")
        await system.control("POST", f"phones/{THEIR_PHONE}/scan", {"code": code})
        await other.told("ready")
        await system.create("main")
        await system.scan()
        await system.until_state("connected")
        place = {"latitude": 32.0853, "longitude": 34.7818, "name": "Tel Aviv"}
        first = await _sent(system, message="frist")
        await _sent(system, message="a reply", replyTo=first)
        await _sent(system, location=place)
        await _sent(system, contact={"name": "Dana Levi", "phone": "+15550001111"})
        await _sent(system, poll={"question": "When?", "options": ["Monday", "Tuesday"]})
        said = await other.told("content", after=4)
        assert [each["type"] for each in said] == [
            "chat",
            "chat",
            "location",
            "vcard",
            "poll_creation",
        ]
        assert [each["quoted"] for each in said] == [None, said[0]["id"], None, None, None]
        assert said[2]["place"] == [place["latitude"], place["longitude"], place["name"]]
        assert "FN:Dana Levi" in said[3]["cards"][0]
        assert said[4]["poll"] == ["When?", "Monday", "Tuesday"]

        await _done(system, first, "edit", {"message": "first"})
        edits = await other.told("edit")
        assert [each["text"] for each in edits] == ["first"]
        assert edits[0]["id"].endswith(said[0]["id"])
        await _done(system, first, "reaction", {"emoji": "👍"})
        assert [each["sign"] for each in await other.told("reaction")] == ["👍"]
        await _done(system, first, "reaction", {"emoji": None})
        assert [each["sign"] for each in await other.told("reaction", after=1)] == ["👍", ""]
        await _done(system, first, "revoke", None)
        assert [each.endswith(said[0]["id"]) for each in await other.told("revoked")] == [True]


async def _sent(system: StackClient, **content: object) -> str:
    body = {"connectionId": "main", "to": THEIR_PHONE, **content}
    accepted = await system.post("/api/whatsapp/send", body)
    assert accepted["http"] == 202, accepted
    await system.until_message(accepted["messageId"], "read")
    return str(accepted["messageId"])


async def _done(system: StackClient, message_id: str, deed: str, body: object) -> None:
    accepted = await system.post(f"/api/whatsapp/messages/{message_id}/{deed}", body)
    assert accepted["http"] == 202, accepted
    await system.until_message(accepted["messageId"], "sent")


def _read_receipt(client: Witness, message_id: str) -> bool:
    return {"id": message_id, "ack": 3} in client.values("message_ack")


async def _revoked(hand: Hand) -> bool:
    return [entry["revoked"] for entry in await hand.ledger()] == [True]


async def _no_device(hand: Hand) -> bool:
    devices: list[Any] = await hand.good("GET", "/control/devices")
    return devices == []


async def _in_ledger(hand: Hand, count: int) -> bool:
    return len(await hand.ledger()) == count

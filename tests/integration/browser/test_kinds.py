"""Each kind of message, and what is done to messages, on the simulated page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.temporary import own_temporary_folder
from chatgrow_worker.page.snapshot import Outcome
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.messages.content import (
    Contact,
    Content,
    Edit,
    Location,
    Poll,
    Reaction,
    Revoke,
    Text,
)
from tests.integration.browser.test_browser import CONNECTION, PHONE, THEM, link, make_launcher
from tests.waiting import until
from tests.whatsapp_web import whatsapp_web
from tests.whatsapp_web.faults import Faults, as_json

THEIR_PHONE = "+972501234567"


class OnePage:
    """A linked page, and the simulated WhatsApp behind it; one test after the other uses it."""

    def __init__(self, page: WhatsAppPage, http: aiohttp.ClientSession) -> None:
        self.page = page
        self._http = http
        self._known = 0

    async def begin_anew(self) -> None:
        """Take faults back, and forget what was delivered so far."""
        none = dict.fromkeys(as_json(Faults()))
        for number in (None, PHONE):
            await self.control("PUT", "faults", **none, **({"number": number} if number else {}))
        self._known += len(await self.ledger())

    async def control(self, method: str, path: str, **body: Any) -> Any:
        async with self._http.request(method, f"/control/{path}", json=body or None) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def ledger(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = await self.control("GET", "ledger")
        return entries[self._known :]

    async def begin(self, content: Content, refers_to: str | None = None, to: str = THEM) -> str:
        """Begin to send something; return its key."""
        key = await self.page.prepare(to)
        await self.page.send(key, to, content, refers_to)
        return key

    async def outcome(self, key: str) -> Outcome:
        """Wait until a send is decided."""
        outcomes: list[Outcome] = []

        async def decided() -> bool:
            outcomes.append(await self.page.outcome(key))
            return outcomes[-1].state != "pending"

        await until(decided)
        return outcomes[-1]

    async def send(self, content: Content, refers_to: str | None = None, to: str = THEM) -> str:
        """Send something that succeeds; return its key."""
        key = await self.begin(content, refers_to, to)
        outcome = await self.outcome(key)
        assert outcome.went_well, outcome
        return key

    async def refused(self, content: Content, refers_to: str | None = None) -> str | None:
        """Send something that is refused; return the code of the refusal."""
        outcome = await self.outcome(await self.begin(content, refers_to))
        assert outcome.error is not None, outcome
        return outcome.error.code

    async def says(self, text: str) -> str:
        """Let the other phone say something; return its key once the page has it."""
        said = await self.control("POST", f"phones/{THEIR_PHONE}/say", to=PHONE, text=text)
        key = f"false_{THEM}_{said['id']}"

        async def there() -> bool:
            return (await self.page.look_up(key, THEM)).found

        await until(there)
        return key

    async def evaluate(self, script: str, argument: object = None) -> Any:
        return await self.page._page.evaluate(script, argument)


@pytest.fixture(scope="module")
async def linked_page(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OnePage]:
    """Link a page for all tests of a file."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "profiles").mkdir()
    async with (
        whatsapp_web(folder / "web") as web,
        aiohttp.ClientSession(web.url) as http,
    ):
        with own_temporary_folder(folder / "profiles") as temporary:
            driver = Driver(temporary)
            launcher = make_launcher(driver, web.url, folder / "profiles")
            async with launcher.open(CONNECTION) as browser:
                await link(browser.page, web)
                await http.post("/control/phones", json={"number": THEIR_PHONE})
                yield OnePage(browser.page, http)
            await driver.close()


@pytest.fixture
async def one(linked_page: OnePage) -> OnePage:
    await linked_page.begin_anew()
    return linked_page


async def test_each_kind_arrives_as_what_it_is(one: OnePage) -> None:
    theirs = await one.says("which one?")
    own = await one.send(Text(text="a text"))
    await one.send(Text(text="an answer to them"), theirs)
    await one.send(Text(text="an answer to us"), own)
    await one.send(Location(latitude=32.5, longitude=34.75, name="The office"))
    await one.send(Contact(name="Dana Levi", phone="+15550001111"), theirs)
    entries = [each for each in await one.ledger() if each["from"] == PHONE]
    assert [(each["type"], each.get("replyTo")) for each in entries] == [
        ("chat", None),
        ("chat", theirs.rpartition("_")[2]),
        ("chat", own.rpartition("_")[2]),
        ("location", None),
        ("vcard", theirs.rpartition("_")[2]),
    ]
    card = entries[-1]["text"]
    assert "FN:Dana Levi" in card
    assert "waid=15550001111" in card
    assert [each["arrivals"] for each in entries] == [1] * 5


async def test_a_reply_to_a_message_that_the_page_lacks_is_refused(one: OnePage) -> None:
    missing = f"false_{THEM}_3EB000000000000000"
    assert await one.refused(Text(text="to nothing"), missing) == "message_not_in_page"
    assert await one.ledger() == []


async def test_a_poll_stays_pending_until_whatsapp_takes_it(one: OnePage) -> None:
    poll = Poll(question="When?", options=("Monday", "Tuesday"))
    key = await one.begin(poll)

    async def kept() -> bool:
        return (await one.page.look_up(key, THEM)).found

    await until(kept)
    assert (await one.page.outcome(key)).state == "pending"
    await one.send(Text(text="after the poll"))
    assert [each["type"] for each in await one.ledger()] == ["chat"]
    await one.control("PUT", "faults", pollsArrive=True)
    assert (await one.outcome(key)).went_well
    many = await one.begin(Poll(question="Which?", options=("a", "b"), multiple=True))
    assert (await one.outcome(many)).went_well
    counts = [
        await one.evaluate(
            "(key) => WPP.chat.getMessageById(key).then((m) => m.pollSelectableOptionsCount)", each
        )
        for each in (key, many)
    ]
    assert counts == [1, 0]


async def test_reactions_stand_change_and_are_taken_back(one: OnePage) -> None:
    theirs, ours = await one.says("good?"), await one.send(Text(text="good!"))
    for emoji in ("👍", "❤️", None, None, "👩🏽‍💻"):
        for key in (theirs, ours):
            done = await one.begin(Reaction(emoji=emoji), key)
            outcome = await one.outcome(done)
            assert outcome.went_well, outcome
            if emoji is not None:
                assert outcome.by == PHONE.lstrip("+") + "@c.us"
        shown = [each["reactions"] for each in await one.ledger()]
        expected = [] if emoji is None else [{"from": PHONE, "emoji": emoji}]
        assert shown == [expected] * 2


async def test_an_edit_is_asked_for_verified_and_repeated_under_its_id(one: OnePage) -> None:
    own, theirs = await one.send(Text(text="frist")), await one.says("mine")
    key = await one.send(Edit(text="first"), own)
    await one.page.send(key, THEM, Edit(text="first"), own)  # as after a crash
    assert (await one.outcome(key)).went_well
    place = await one.send(Location(latitude=1.5, longitude=2.5))
    assert await one.refused(Edit(text="no"), theirs) == "not_editable"
    assert await one.refused(Edit(text="no"), place) == "not_editable"
    await one.evaluate(
        "(key) => WPP.chat.getMessageById(key).then((m) => m.set({t: m.t - 1300}))", own
    )
    assert await one.refused(Edit(text="too late"), own) == "edit_window_over"
    entry = (await one.ledger())[0]
    assert (entry["text"], entry["edited"]) == ("frist", "first")


async def test_a_revocation_is_seen_although_the_message_has_a_new_key(one: OnePage) -> None:
    own, theirs = await one.send(Text(text="a mistake")), await one.says("mine")
    key = await one.send(Revoke(), own)
    await one.page.send(key, THEM, Revoke(), own)
    assert (await one.outcome(key)).went_well
    again = await one.begin(Revoke(), own)  # as asked by a worker that knows nothing of the first
    assert (await one.outcome(again)).went_well
    assert await one.refused(Reaction(emoji="👍"), own) == "message_not_in_page"
    assert await one.refused(Revoke(), theirs) == "not_revocable"
    entries = await one.ledger()
    assert [each["revoked"] for each in entries] == [True, False]


async def test_what_whatsapp_does_not_take_is_not_taken_for_done(one: OnePage) -> None:
    own = await one.send(Text(text="stays"))
    await one.control("PUT", "faults", serverErrorRate=1, serverErrorCode=500)
    assert await one.refused(Edit(text="changed"), own) == "refused_by_whatsapp"
    outcome = await one.outcome(await one.begin(Reaction(emoji="👍"), own))
    assert outcome.error is not None
    assert "Reaction send error" in outcome.error.message
    assert await one.refused(Revoke(), own) == "not_confirmed"
    (entry,) = await one.ledger()
    assert (entry["edited"], entry["reactions"], entry["revoked"]) == (None, [], False)

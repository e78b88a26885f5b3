"""When a connection waits for WhatsApp Web, who tries for all, and which message is to blame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import About, Look, LookUp, PageState
from chatgrow_worker.whatsapp_change.change_gate import ChangeGate, GateLimits
from chatgrow_worker.whatsapp_change.change_watch import ChangeWatch
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.states import ConnectionState
from sessions.messages.model import Message, MessageStatus
from sessions.whatsapp.breaker import Cause
from tests.builders import LONG, OWNER, PLAIN, Stores, whatsapp_breaker
from tests.dispatching import MOMENT, dispatch_limits, make_dispatcher
from tests.fake_page import FakePage
from tests.integration.ready_pages import READY
from tests.waiting import until

if TYPE_CHECKING:
    from chatgrow_worker.page.whatsapp_page import WhatsAppPage

NOW = timedelta(0)
MISSING = ("WAWebSendMsgRecordAction.sendMsgRecord",)
THEIRS, OTHERS = "972501234567@c.us", "972507654321@c.us"


@dataclass
class LoadedPage(FakePage):
    """A page that is ready, and is another one after each load; `lacks` is what each one lacks."""

    lacks: tuple[str, ...] = ()
    loads: int = 1

    async def about(self) -> About:
        return About(version="2.3000.1", manifest="1_main")

    async def reload(self, limit: timedelta) -> None:
        self.loads += 1

    def looked_at(self) -> Look:
        snapshot = READY.model_copy(update={"epoch": str(self.loads)})
        return Look(epoch=snapshot.epoch, snapshot=snapshot, missing=self.lacks)


@dataclass
class Line:
    """A connection on a page double, visited as the worker does it."""

    stores: Stores
    lease: Lease
    gate: ChangeGate
    page: LoadedPage = field(default_factory=LoadedPage)
    _sending: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self) -> None:
        at_rest = self._sending is None or self._sending.done()
        page = cast("WhatsAppPage", self.page)
        look = self.page.looked_at()
        await self.gate.consider(page, look, PageState.READY, at_rest=at_rest)
        if self.gate.holds:
            await self.rest()
        elif at_rest:
            self._stop = asyncio.Event()
            dispatcher = make_dispatcher(
                self.stores,
                self.page,
                self.lease,
                dispatch_limits(tries=2),
                trials=self.gate.trials,
            )
            self._sending = asyncio.create_task(dispatcher.run(asyncio.Event(), self._stop))

    async def rest(self) -> None:
        self._stop.set()
        if self._sending is not None:
            await self._sending
        self._sending = None

    async def until_ended(self, message: Message, status: MessageStatus) -> Message:
        async def ended() -> bool:
            await self.look()
            return (await self.stores.outbox.find(OWNER, message.id)).status is status

        await until(ended)
        await self.rest()
        return await self.stores.outbox.find(OWNER, message.id)


async def _look_until(condition: Callable[[], bool], *lines: Line) -> None:
    async def looked() -> bool:
        for line in lines:
            await line.look()
        return condition()

    await until(looked)


async def _line(stores: Stores, name: str = "main", probe_every: timedelta = NOW) -> Line:
    """Have a linked connection run in a worker of its own."""
    connection = await stores.connection(name)
    lease = await stores.leases(name).acquire(connection.id)
    assert lease is not None
    starting, connected = ConnectionState.STARTING, ConnectionState.CONNECTED
    await stores.connections.move(lease, starting, connected, None, "+972501111111")
    breaker = whatsapp_breaker(stores.database, probe_every=probe_every)
    watch = ChangeWatch(breaker, fresh_for=NOW)
    gate = ChangeGate(
        watch=watch,
        connections=stores.connections,
        queue=stores.queue,
        lease=lease,
        owner=OWNER,
        limits=GateLimits(3, settles=NOW, retry=MOMENT, probe_within=LONG, reload=LONG),
        now=utc_now,
    )
    return Line(stores, lease, gate)


async def _fleet(stores: Stores) -> tuple[bool, Cause | None]:
    breaker = await whatsapp_breaker(stores.database).read()
    return breaker.changed, breaker.cause


async def test_nothing_is_sent_before_a_page_has_passed_its_test(stores: Stores) -> None:
    line = await _line(stores)
    message = await stores.message(await stores.connections.get(line.lease.connection))
    line.page.lacks = MISSING
    for _ in range(3):
        await line.look()
    assert line.gate.waits
    assert line.page.delivered == []
    assert (await stores.outbox.find(OWNER, message.id)).attempts == 0
    line.page.lacks = ()
    await line.until_ended(message, MessageStatus.SENT)
    assert await _fleet(stores) == (False, None)


async def test_one_of_two_workers_tries_for_both(stores: Stores) -> None:
    one, other = await _line(stores, "one", LONG), await _line(stores, "other", LONG)
    for line in (one, other):
        line.page.lacks = MISSING
    for _ in range(3):
        await asyncio.gather(one.look(), other.look())
    assert one.gate.waits
    assert other.gate.waits
    assert one.page.loads + other.page.loads == 3  # each once, and one of them to try
    assert await _fleet(stores) == (True, Cause.FUNCTION_MISSING)


async def test_a_fleet_that_waits_goes_on_when_one_has_tried(stores: Stores) -> None:
    lacking, healthy = await _line(stores, "one"), await _line(stores, "other")
    lacking.page.lacks = MISSING
    await _look_until(lambda: lacking.gate.waits and healthy.gate.waits, lacking, healthy)
    lacking.page.lacks = ()
    await _look_until(lambda: not (lacking.gate.waits or healthy.gate.waits), lacking, healthy)
    await asyncio.gather(lacking.rest(), healthy.rest())


async def test_a_new_version_that_only_one_has_pauses_the_others_once(stores: Stores) -> None:
    lacking, healthy = await _line(stores, "one"), await _line(stores, "other")
    lacking.page.lacks = MISSING
    await _look_until(lambda: lacking.gate.waits and healthy.gate.waits, lacking, healthy)
    await _look_until(lambda: not healthy.gate.waits, lacking, healthy)
    loads = lacking.page.loads
    await _look_until(lambda: lacking.page.loads >= loads + 2, lacking, healthy)
    assert lacking.gate.waits
    assert healthy.page.loads == 2
    assert await _fleet(stores) == (False, None)
    await healthy.rest()


async def test_while_everything_throws_nothing_is_tried_to_its_end(stores: Stores) -> None:
    line = await _line(stores)
    connection = await stores.connections.get(line.lease.connection)
    messages = [
        await stores.message(connection, text, to=to)
        for text, to in (("a", THEIRS), ("b", OTHERS), ("c", THEIRS))
    ]
    line.page.odd = {"a", "b", "c"}
    await _look_until(lambda: len(line.gate.trials.suspects) > 1, line)
    await _look_until(lambda: line.page.loads > 2 and not line.gate.trials.tries, line)
    found = [await stores.outbox.find(OWNER, each.id) for each in messages]
    assert {(each.status, each.attempts) for each in found} == {(MessageStatus.QUEUED, 0)}
    line.page.odd = set()
    await line.until_ended(messages[-1], MessageStatus.SENT)
    assert [text for _, text in line.page.delivered] == ["a", "b", "c"]
    assert await _fleet(stores) == (False, None)


async def test_one_odd_message_fails_and_holds_nobody(stores: Stores) -> None:
    line, idle = await _line(stores, "one"), await _line(stores, "other")
    connection = await stores.connections.get(line.lease.connection)
    odd = await stores.message(connection, "odd")
    after = await stores.message(connection, "after", to=OTHERS)
    line.page.odd = {"odd"}
    failed = await line.until_ended(odd, MessageStatus.FAILED)
    assert failed.reason == "TypeError"
    await line.until_ended(after, MessageStatus.SENT)
    await idle.look()
    assert not idle.gate.waits
    await idle.rest()


async def test_a_look_up_that_throws_does_not_hold_the_others(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await _line(stores)
    connection = await stores.connections.get(line.lease.connection)
    lost, after = [await stores.message(connection, text) for text in ("lost", "after")]
    assert await stores.queue.claim_next(line.lease)
    await stores.queue.write_down(line.lease, lost, f"true_{THEIRS}_A", THEIRS, new_chat=False)

    async def throw(_key: str, _chat_id: str) -> LookUp:
        raise PageCallError("TypeError", None, "x is undefined")

    monkeypatch.setattr(line.page, "look_up", throw)
    waited = []

    async def ended() -> bool:
        await line.look()
        waited.append(line.gate.waits)
        return (await stores.outbox.find(OWNER, after.id)).status is MessageStatus.SENT

    await until(ended)
    await line.rest()
    unknown = await stores.outbox.find(OWNER, lost.id)
    assert (unknown.status, unknown.reason) == (MessageStatus.UNKNOWN, "page_error")
    assert not any(waited)
    assert line.page.loads == 1


async def test_what_has_thrown_is_not_passed_while_everything_throws(stores: Stores) -> None:
    line = await _line(stores)
    connection = await stores.connections.get(line.lease.connection)
    messages = [await stores.message(connection, text, to=f"{text}@c.us") for text in "123"]
    line.page.odd = {"1", "2", "3"}
    tried = asyncio.get_running_loop().create_future()

    def mend_once_the_first_has_thrown_again(text: str) -> None:
        if text == "1" and len(line.gate.trials.suspects) > 1 and not tried.done():
            tried.set_result(None)
            tried.add_done_callback(lambda _: line.page.odd.clear())

    line.page.before_send = mend_once_the_first_has_thrown_again
    await line.until_ended(messages[-1], MessageStatus.SENT)
    assert [text for _, text in line.page.delivered] == ["1", "2", "3"]


async def test_several_odd_messages_hold_a_connection_for_a_while_only(stores: Stores) -> None:
    line = await _line(stores)
    connection = await stores.connections.get(line.lease.connection)
    odd = [await stores.message(connection, f"odd {n}") for n in range(2)]
    after = await stores.message(connection, "after", to=OTHERS)
    line.page.odd = {PLAIN.open_content(each).typed for each in odd}
    await line.until_ended(after, MessageStatus.SENT)
    for each in odd:
        await line.until_ended(each, MessageStatus.FAILED)
    assert await _fleet(stores) == (False, None)


async def test_an_odd_message_alone_waits_until_another_tells_that_it_is_odd(
    stores: Stores,
) -> None:
    line = await _line(stores)
    connection = await stores.connections.get(line.lease.connection)
    odd = await stores.message(connection, "odd")
    line.page.odd = {"odd"}
    await _look_until(lambda: line.gate.waits, line)
    after = await stores.message(connection, "after", to=OTHERS)
    await line.until_ended(after, MessageStatus.SENT)
    await line.until_ended(odd, MessageStatus.FAILED)

"""Outbox and dispatcher against a model: any mix of sends, cancels and crashes ends well."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from ulid import ULID

from chatgrow_worker.page.snapshot import LookUp, Outcome
from chatgrow_worker.sending.limits import SendLimits
from sessions.common.errors import WrongStatusError
from sessions.embedded import ServerUris
from sessions.messages.content import Content
from sessions.messages.model import Message, MessageStatus, Priority
from sessions.storage.mongo import open_database
from tests.builders import OWNER, Stores
from tests.dispatching import make_dispatcher
from tests.fake_page import FakePage

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.connections.model import Connection

Result = TypeVar("Result")
MOMENT = timedelta(milliseconds=1)
LIMITS = SendLimits(
    outcome_within=timedelta(seconds=5),
    outcome_poll=MOMENT,
    number_recheck=MOMENT,
    ghost_wait=MOMENT,
    stalled_after=timedelta(seconds=30),
    resend_ghosts=True,
    tries=9,
)
POINTS = ("prepare", "before send", "stored", "after send", "outcome", "look_up")


class CrashError(Exception):
    """The worker dies here."""


@dataclass
class CrashingPage(FakePage):
    """A page whose worker dies at a chosen point, the page with it."""

    point: str | None = None

    async def prepare(self, chat_id: str, typing: timedelta = timedelta(0)) -> str:
        key = await super().prepare(chat_id, typing)
        self._pass("prepare")
        return key

    async def send(
        self, key: str, chat_id: str, content: Content, refers_to: str | None = None, *more: Any
    ) -> None:
        self._pass("before send")
        if self.point == "stored":
            self.stored.setdefault(key, 0)
        self._pass("stored")
        await super().send(key, chat_id, content, refers_to)
        self._pass("after send")

    async def outcome(self, key: str) -> Outcome:
        outcome = await super().outcome(key)
        self._pass("outcome")
        return outcome

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        known = await super().look_up(key, chat_id)
        self._pass("look_up")
        return known

    def restart(self) -> None:
        """Forget what only the memory of the page knew."""
        self.outcomes.clear()
        self.point = None

    def _pass(self, point: str) -> None:
        if self.point == point:
            raise CrashError(point)


@dataclass
class World:
    """The real stores on the real MongoDB, one connection, one page, and what was accepted."""

    loop: asyncio.AbstractEventLoop
    stores: Stores
    connection: Connection
    lease: Lease
    page: CrashingPage = field(default_factory=CrashingPage)
    accepted: dict[str, Message] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    async def dispatch(self) -> None:
        """Run a dispatcher until nothing is left to send, or until the worker dies."""
        stop = asyncio.Event()
        dispatcher = make_dispatcher(
            self.stores, self.page, self.lease, LIMITS, ban_pause=MOMENT, look_every=MOMENT
        )
        running = asyncio.create_task(dispatcher.run(asyncio.Event(), stop))
        while not running.done() and not dispatcher.idle:
            await asyncio.wait({running}, timeout=0.005)
        stop.set()
        await running


class Delivery(RuleBasedStateMachine):
    """What backends do and what befalls the worker."""

    world: World

    @rule(priority=st.sampled_from(Priority), count=st.integers(1, 6))
    def accept(self, priority: Priority, count: int) -> None:
        for _ in range(count):
            text = f"{priority.name} {next(self.world.numbers)}"
            message = self.world.run(
                self.world.stores.message(self.world.connection, text, priority)
            )
            self.world.accepted[message.id] = message

    @precondition(lambda self: self.world.accepted)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        message_id = data.draw(st.sampled_from(sorted(self.world.accepted)))
        try:
            self.world.run(self.world.stores.outbox.cancel(OWNER, message_id))
        except WrongStatusError:
            return
        message = self.world.accepted.pop(message_id)
        assert message.text not in self._texts()

    @rule()
    def send_all(self) -> None:
        self.world.run(self.world.dispatch())

    @rule(point=st.sampled_from(POINTS))
    def crash(self, point: str) -> None:
        self.world.page.point = point
        try:
            self.world.run(self.world.dispatch())
        except CrashError:
            lease = self.world.run(self.world.stores.leases().acquire(self.world.connection.id))
            assert lease is not None
            self.world.lease = lease
        self.world.page.restart()

    def teardown(self) -> None:
        """Let it come to rest: everything accepted has arrived, once, in order."""
        self.world.run(self.world.dispatch())
        delivered = self._texts()
        for priority in Priority:
            line = [each.text for each in self.world.accepted.values() if each.priority == priority]
            assert [text for text in delivered if text.startswith(priority.name)] == line
        for message_id in self.world.accepted:
            message = self.world.run(self.world.stores.outbox.find(OWNER, message_id))
            assert message.status is MessageStatus.SENT

    def _texts(self) -> list[str]:
        """Return what arrived; a ghost that was sent again is known by its id."""
        return [self._text(key, text) for key, text in self.world.page.delivered]

    def _text(self, key: str, text: str) -> str:
        if text != "resent":
            return text
        mine = {"whatsappId": key, "connection": self.world.connection.id}
        stored = self.world.stores.database["messages"].find_one(mine)
        return str((self.world.run(_awaited(stored)) or {})["text"])


async def _awaited(future: Any) -> Any:
    return await future


@pytest.mark.timeout(300)
@pytest.mark.parametrize("examples", [10, pytest.param(25, marks=pytest.mark.slow)])
def test_any_mix_of_sends_cancels_and_crashes_ends_well(servers: ServerUris, examples: int) -> None:
    with asyncio.Runner() as runner:
        uri = servers.mongo.replace("/chatgrow", f"/test-{ULID()}")
        context = open_database(uri, timedelta(seconds=30))
        database = runner.run(context.__aenter__())

        class InThisDatabase(Delivery):
            def __init__(self) -> None:
                super().__init__()
                stores = Stores(database)
                self.world = runner.run(_fresh(stores, runner.get_loop()))

        run_state_machine_as_test(
            InThisDatabase,
            settings=settings(
                max_examples=examples,
                stateful_step_count=12,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(_awaited(database.client.drop_database(database.name)))
        runner.run(context.__aexit__(None, None, None))


async def _fresh(stores: Stores, loop: asyncio.AbstractEventLoop) -> World:
    connection = await stores.connection(f"c-{ULID()}")
    lease = await stores.leases().acquire(connection.id)
    assert lease is not None
    return World(loop, stores, connection, lease)

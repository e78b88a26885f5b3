"""Whatever people book, move, cancel and refuse: each reminder goes once, in time, or not at all.

Hypothesis makes up the days of a shop. A model that knows nothing of outboxes says what has to be
sent; a worker that claims what is due, and compares its grounds as the real one does, says what is.
Processes die between a change and the plans that follow from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from business.model import Agreement, AppointmentStatus, Purpose
from business.services import Business
from sessions.connections.pacing import Pacing
from sessions.deletion.recipients import Erasures
from sessions.messages.acceptance import Acceptance
from sessions.messages.grounds import Grounds
from sessions.messages.idempotency import IdempotencyStore
from sessions.messages.media_intake import MediaIntake
from sessions.messages.model import Message
from sessions.messages.quotas import QueueQuota
from sessions.messages.referred import ReferredMessages
from sessions.metrics import ProcessMetrics
from sessions.queue.doorbell import Doorbell, open_redis
from sessions.storage.mongo import open_database
from tests.builders import OWNER, PLAIN, Stores
from tests.conftest import PATIENCE, emptied
from tests.integration.business.conftest import Clock, Shop

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.embedded import ServerUris
    from sessions.storage.mongo import Database

Result = TypeVar("Result")
ZONES = ("Asia/Jerusalem", "America/New_York", "Australia/Lord_Howe")
# Days before the clocks change in all three zones: forward or back within five weeks.
STARTS = (datetime(2027, 3, 11, 12, tzinfo=UTC), datetime(2027, 10, 1, 12, tzinfo=UTC))
MINUTE = timedelta(minutes=1)
SPANS = {"m": MINUTE, "h": timedelta(hours=1)}


class Death(StrEnum):
    """Who dies between a change and the plans that follow from it."""

    NOBODY = "nobody"
    ONE = "one"
    ALL = "all"
    """All planners, until the next message is due: only the worker lives."""


DEATHS = st.sampled_from(Death)
OFFSETS = st.sampled_from(["90m", "2h", "24h", "1d", "3d", "1w"])
HOURS = st.sampled_from([None, None, "09:00", "18:00"])
MINUTES = st.integers(1, 4 * 24 * 60) | st.integers(1, 40 * 24 * 60)
"""Most appointments are soon; a few are so far off that they are planned later."""


def expected_due(starts: datetime, offset: str, hour: str | None, zone: str) -> datetime:
    """Say when a reminder goes, in the plainest way."""
    amount, unit, local = int(offset[:-1]), offset[-1], ZoneInfo(zone)
    if unit in SPANS:
        due = starts - amount * SPANS[unit]
    else:
        days = amount * (7 if unit == "w" else 1)
        wall = starts.astimezone(local).replace(tzinfo=None) - timedelta(days=days)
        fold = starts.astimezone(local).fold
        if hour is not None:
            wall = datetime.combine(wall.date(), time.fromisoformat(hour))
        due = wall.replace(tzinfo=local, fold=fold).astimezone(UTC)
    while hour is not None and f"{due.astimezone(local):%H:%M}" != hour:
        due -= MINUTE
    return due


@dataclass
class ModelBooking:
    """What the model knows of an appointment."""

    id: str
    customer: int
    starts: datetime
    zone: str
    version: int = 1
    live: bool = True


@dataclass
class ModelRule:
    """What the model knows of an automation."""

    id: str
    offset: str
    hour: str | None
    enabled: bool = True


@dataclass
class Model:
    """What is true, and what was sent: by rule, appointment and version."""

    bookings: list[ModelBooking] = field(default_factory=list)
    rules: list[ModelRule] = field(default_factory=list)
    refused: dict[int, bool] = field(default_factory=lambda: {0: False, 1: False})
    sent: set[tuple[str, str, int]] = field(default_factory=set)

    def owed(self, since: datetime, until: datetime) -> set[tuple[str, str, int]]:
        """Return what has to go from one time to another, while nothing changes."""
        return {
            (each.id, booking.id, booking.version)
            for booking in self.bookings
            for each in self.rules
            if booking.live and each.enabled and not self.refused[booking.customer]
            if since <= self.due(each, booking) <= until
            if self.due(each, booking) < booking.starts
        }

    def due(self, rule: ModelRule, booking: ModelBooking) -> datetime:
        """Return when a reminder is due."""
        return expected_due(booking.starts, rule.offset, rule.hour, booking.zone)


class _Died(Exception):  # noqa: N818  no error of ours
    """The process ended here."""


@dataclass
class ShopMaker:
    """Opens shops one after the other, each with nothing in it, over the same servers."""

    loop: asyncio.AbstractEventLoop
    database: Database
    redis: ArqRedis

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    async def open(self, clock: Clock) -> Shop:
        emptied(self.database)
        stores = Stores(self.database)
        business = self._business(stores, clock)
        await stores.connections.create(
            OWNER, "main", "Main", None, clock(), pacing=Pacing(enabled=False)
        )
        return Shop(business, stores, clock)

    async def prepare(self) -> None:
        """Create the indexes."""
        stores = Stores(self.database)
        await stores.prepare()
        await self._business(stores, Clock()).prepare()

    def _business(self, stores: Stores, clock: Clock) -> Business:
        acceptance = Acceptance(
            stores.outbox,
            IdempotencyStore(self.database, PLAIN),
            Doorbell(self.redis),
            ProcessMetrics(),
            clock,
            QueueQuota(self.database, 1000),
            PLAIN,
            MediaIntake(stores.media),
            ReferredMessages(self.database),
        )
        erasures = Erasures(self.database, self.redis, stores.events)
        return Business.over(
            self.database,
            stores.connections,
            acceptance,
            erasures,
            stores.events,
            clock,
            ZONES[0],
        )


class ShopDays(RuleBasedStateMachine):
    """The days of a shop."""

    maker: ShopMaker

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.unsettled = False

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.maker.run(work)

    @initialize(
        start=st.sampled_from(STARTS),
        offset=st.sampled_from(["1d", "1d", "2h", "3d"]),
        within=st.integers(25 * 60, 4 * 24 * 60),
    )
    def open(self, start: datetime, offset: str, within: int) -> None:
        self.clock = Clock(start)
        self.shop = self.run(self.maker.open(self.clock))
        self.grounds = Grounds(self.maker.database)
        self.settle = self.shop.business.plans.settle
        self.customers = [
            self.run(self.shop.customer(phone)) for phone in ("+972541234567", "+972549876543")
        ]
        self.add_rule(offset, None)
        self.book(within, ZONES[1], 0)

    def change(self, work: Coroutine[Any, Any, Result], dies: Death) -> None:
        """Do something, perhaps in a process that dies before it has planned what follows."""

        async def die(_: str) -> bool:
            raise _Died

        plans: Any = self.shop.business.plans
        plans.settle = self.settle if dies is Death.NOBODY else die
        try:
            self.run(work)
        except _Died:
            self.unsettled = True
        finally:
            plans.settle = self.settle
        if dies is Death.ALL:
            self.let_the_next_one_be_due(dead=True)

    @rule(offset=OFFSETS, hour=HOURS)
    @precondition(lambda self: len(self.model.rules) < 3)
    def add_rule(self, offset: str, hour: str | None) -> None:
        made = self.run(self.shop.automation(offset=offset, delivery_hour=hour))
        self.model.rules.append(ModelRule(made.id, offset, hour))
        self.unsettled = False

    @rule(within=MINUTES, zone=st.sampled_from(ZONES), customer=st.integers(0, 1))
    @precondition(lambda self: len(self.model.bookings) < 5)
    def book(self, within: int, zone: str, customer: int) -> None:
        starts = self.clock() + within * MINUTE
        made = self.run(self.shop.book(self.customers[customer], starts_at=starts, time_zone=zone))
        self.model.bookings.append(ModelBooking(made.id, customer, starts, zone))
        self.unsettled = False

    @rule(data=st.data(), within=MINUTES, dies=DEATHS)
    @precondition(lambda self: any(each.live for each in self.model.bookings))
    def move(self, data: st.DataObject, within: int, dies: Death) -> None:
        booking = self._live(data)
        starts = self.clock() + within * MINUTE
        booking.starts, booking.version = starts, booking.version + 1
        self.change(self._move(booking.id, starts), dies)

    async def _move(self, booking: str, starts: datetime) -> None:
        found = await self.shop.business.stores.appointments.find(OWNER, booking)
        ends = starts + timedelta(hours=1)
        await self.shop.business.appointments.reschedule(found, starts, ends)

    @rule(data=st.data(), dies=DEATHS, deletes=st.booleans())
    @precondition(lambda self: any(each.live for each in self.model.bookings))
    def cancel(self, data: st.DataObject, dies: Death, deletes: bool) -> None:
        booking = self._live(data)
        booking.live = False
        self.change(self._cancel(booking.id, deletes), dies)

    async def _cancel(self, booking: str, deletes: bool) -> None:
        appointments = self.shop.business.appointments
        found = await self.shop.business.stores.appointments.find(OWNER, booking)
        if deletes:
            await appointments.remove(found)
        else:
            await appointments.move(found, AppointmentStatus.CANCELLED)

    @rule(customer=st.integers(0, 1), refuses=st.booleans(), dies=DEATHS)
    def agree(self, customer: int, refuses: bool, dies: Death) -> None:
        self.model.refused[customer] = refuses
        states = {Purpose.REMINDER: Agreement.OUT if refuses else Agreement.IN}
        found = self.customers[customer]
        self.change(self.shop.business.customers.change(found, {}, states, "test"), dies)

    @rule(
        data=st.data(),
        offset=OFFSETS,
        hour=HOURS,
        enabled=st.booleans(),
        dies=DEATHS,
    )
    @precondition(lambda self: self.model.rules)
    def edit_rule(
        self, data: st.DataObject, offset: str, hour: str | None, enabled: bool, dies: Death
    ) -> None:
        each = data.draw(st.sampled_from(self.model.rules))
        each.offset, each.hour, each.enabled = offset, hour, enabled
        changes = {"offset": offset, "deliveryHour": hour, "enabled": enabled}
        self.change(self._edit(each.id, changes), dies)

    async def _edit(self, automation: str, changes: dict[str, Any]) -> None:
        found = await self.shop.business.stores.automations.find(OWNER, automation)
        await self.shop.business.automations.change(found, changes)

    @rule()
    def another_process_goes_on(self) -> None:
        self.run(self.shop.business.go_on())
        self.unsettled = False

    @rule(minutes=st.integers(1, 2 * 24 * 60), dead=st.booleans())
    def let_time_pass(self, minutes: int, dead: bool) -> None:
        self._pass(minutes * MINUTE, dead)

    @rule(dead=st.booleans())
    def let_the_next_one_be_due(self, dead: bool) -> None:
        due = self.run(self.shop.due())
        if due:
            self._pass(max(due[0] - self.clock(), MINUTE), dead)

    def _pass(self, span: timedelta, dead: bool) -> None:
        """Let the worker send what becomes due, and look that what is owed was sent.

        What nobody has planned, since all planners are `dead`, is owed only later.
        """
        if not dead:
            self.run(self.shop.business.go_on())
        self.unsettled = dead
        since, before = self.clock(), set(self.model.sent)
        self.clock.move(span)
        self.run(self._work())
        if not self.unsettled:
            assert self.model.owed(since, self.clock()) - self.model.sent == set()
        assert before <= self.model.sent

    async def _work(self) -> None:
        for message in await self.shop.messages():
            if message.due_at > self.clock():
                continue
            if message.expires_at and message.expires_at <= message.due_at:
                continue
            assert message.plan is not None
            if await self.grounds.hold(message.plan):
                await self._send(message)
            else:
                await self._end(message, {"status": "cancelled", "reason": "superseded"})

    async def _send(self, message: Message) -> None:
        """Send a message, and ask the model whether it may."""
        assert message.plan is not None
        booking = next(each for each in self.model.bookings if each.id == message.plan.subject)
        automation = next(each for each in self.model.rules if each.id == message.plan.origin)
        key = (automation.id, booking.id, booking.version)
        assert booking.live, "for what is off"
        assert automation.enabled, "by a rule that is off"
        assert not self.model.refused[booking.customer], "after an opt-out"
        assert key not in self.model.sent, "twice"
        assert message.plan.due == self.model.due(automation, booking), "at the wrong time"
        assert message.plan.due < booking.starts, "too late"
        self.model.sent.add(key)
        await self._end(message, {"status": "sent"})

    async def _end(self, message: Message, changes: dict[str, Any]) -> None:
        messages = self.shop.stores.database["messages"]
        await messages.update_one({"_id": message.id}, {"$set": changes})

    @invariant()
    def no_message_is_there_twice(self) -> None:
        if not hasattr(self, "shop"):
            return
        sent = [each.id for each in self.run(self.shop.messages("sent"))]
        assert len(sent) == len(self.model.sent)

    def _live(self, data: st.DataObject) -> ModelBooking:
        return data.draw(st.sampled_from([each for each in self.model.bookings if each.live]))


@asynccontextmanager
async def _shops(servers: ServerUris) -> AsyncIterator[ShopMaker]:
    uri = servers.mongo.replace("/chatgrow", "/days")
    async with (
        open_database(uri, PATIENCE) as database,
        open_redis(servers.redis, PATIENCE) as redis,
    ):
        maker = ShopMaker(asyncio.get_running_loop(), database, redis)
        await maker.prepare()
        yield maker


@pytest.mark.timeout(600)
@pytest.mark.parametrize("examples", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_each_reminder_goes_once_and_in_time_or_not_at_all(
    servers: ServerUris, examples: int
) -> None:
    with asyncio.Runner() as runner:
        shops = _shops(servers)
        ShopDays.maker = runner.run(shops.__aenter__())
        run_state_machine_as_test(
            ShopDays,
            settings=settings(
                max_examples=examples,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(shops.__aexit__(None, None, None))

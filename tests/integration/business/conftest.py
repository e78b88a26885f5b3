"""What tests of the business side share: an owner with a connection, and a clock to set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from business.model import (
    Appointment,
    Automation,
    Customer,
    Purpose,
    Subscriber,
    Trigger,
)
from business.ready_made import REMINDER
from business.services import Business
from control_api.app import build_app
from sessions.common.ids import new_id
from sessions.connections.pacing import Pacing
from sessions.messages.model import Message
from tests.builders import OWNER, Stores
from tests.integration.conftest import KEY
from tests.integration.services import services_with

if TYPE_CHECKING:
    from aiohttp import web

    from control_api.services import Services

    Client = TestClient[web.Request, web.Application]

START = datetime(2027, 3, 1, 8, tzinfo=UTC)
PHONE = "+972541234567"
CHAT = "972541234567@c.us"


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: datetime = START

    def __call__(self) -> datetime:
        """Return now."""
        return self.at

    def move(self, span: timedelta) -> None:
        """Let time pass."""
        self.at += span


@dataclass
class Shop:
    """A provider with one connection, who books, and sees what is in the outbox."""

    business: Business
    stores: Stores
    clock: Clock
    owner: str = OWNER
    connection_id: str = "main"
    made: dict[str, Any] = field(default_factory=dict)

    async def customer(self, phone: str = PHONE, **fields: Any) -> Customer:
        """Add a customer."""
        values = {"name": "Dana Levi", "language": "en", **fields}
        record = Customer(
            id=new_id(), owner=self.owner, created_at=self.clock(), phone=phone, **values
        )
        return await self.business.customers.add(record, {}, "test")

    async def automation(
        self,
        trigger: Trigger = Trigger.BEFORE_APPOINTMENT,
        offset: str | None = "24h",
        **fields: Any,
    ) -> Automation:
        """Add an enabled automation."""
        values = {
            "name": "Test",
            "enabled": True,
            "template": REMINDER.id,
            "purpose": Purpose.REMINDER,
            "connection_id": self.connection_id,
            **fields,
        }
        record = Automation(
            id=new_id(),
            owner=self.owner,
            created_at=self.clock(),
            trigger=trigger,
            offset=offset,
            **values,
        )
        return await self.business.automations.add(record)

    async def book(
        self, customer: Customer, within: timedelta = timedelta(days=3), **fields: Any
    ) -> Appointment:
        """Book an appointment for some time from now."""
        starts = fields.pop("starts_at", self.clock() + within)
        values = {"service": "Haircut", "time_zone": "Asia/Jerusalem", **fields}
        record = Appointment(
            id=new_id(),
            owner=self.owner,
            created_at=self.clock(),
            customer=customer.id,
            connection_id=self.connection_id,
            starts_at=starts,
            ends_at=starts + timedelta(hours=1),
            **values,
        )
        return await self.business.appointments.book(record)

    async def subscriber(self, phone: str = PHONE, **fields: Any) -> Subscriber:
        """Add a subscriber."""
        values = {"list": "news", "language": "en", **fields}
        record = Subscriber(
            id=new_id(), owner=self.owner, created_at=self.clock(), phone=phone, **values
        )
        return await self.business.subscribers.add(record, "test")

    async def messages(self, status: str | None = "queued") -> list[Message]:
        """Return the messages in the outbox with a status, or all, by when they are due."""
        which = {} if status is None else {"status": status}
        cursor = self.stores.database["messages"].find(which, sort=[("dueAt", 1)])
        return [Message.model_validate(each) async for each in cursor]

    async def due(self) -> list[datetime]:
        """Return when the waiting messages are due."""
        return [each.due_at for each in await self.messages()]

    async def appointment(self, found: Appointment) -> Appointment:
        """Read an appointment again."""
        return await self.business.stores.appointments.find(self.owner, found.id)


@pytest.fixture
def clock() -> Clock:
    """Give a test a clock."""
    return Clock()


@pytest.fixture
async def shop(services: Services, stores: Stores, clock: Clock) -> Shop:
    """Give a test a shop with a connection."""
    await stores.connections.create(
        OWNER, "main", "Main", None, clock(), pacing=Pacing(enabled=False)
    )
    business = Business.over(
        services.database,
        services.connections,
        services.acceptance,
        services.erasures,
        stores.events,
        clock,
        "Asia/Jerusalem",
    )
    return Shop(business, stores, clock)


@pytest.fixture
async def api(services: Services) -> AsyncIterator[Client]:
    """Serve the API with the business side, to a key of the owner."""
    app = build_app(services_with(services), upkeep=False)
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        yield client

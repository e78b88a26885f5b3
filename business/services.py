"""The business side put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from business.appointments import Appointments
from business.automations import Automations
from business.campaigns import Campaigns
from business.consents import ConsentBook
from business.customers import Customers
from business.day_counts import DayCounts
from business.erasing import CustomerErasure
from business.events import Events
from business.imports import Imports
from business.plans import Plans
from business.replies import Replies
from business.requests import RequestBook
from business.statistics import Statistics
from business.stores import Stores
from business.subscribers import Subscribers
from sessions.messages.planned import PlannedMessages

if TYPE_CHECKING:
    from sessions.connections.store import ConnectionStore
    from sessions.deletion.recipients import Erasures
    from sessions.events.log import EventLog
    from sessions.messages.acceptance import Acceptance
    from sessions.storage.mongo import Database


@dataclass(frozen=True)
class Business:
    """What the business side can do, over one database."""

    stores: Stores
    requests: RequestBook
    consents: ConsentBook
    customers: Customers
    appointments: Appointments
    events: Events
    subscribers: Subscribers
    automations: Automations
    campaigns: Campaigns
    plans: Plans
    replies: Replies
    erasure: CustomerErasure
    imports: Imports
    statistics: Statistics
    default_zone: str

    @classmethod
    def over(
        cls,
        database: Database,
        connections: ConnectionStore,
        acceptance: Acceptance,
        erasures: Erasures,
        log: EventLog,
        now: Callable[[], datetime],
        default_zone: str,
    ) -> Business:
        """Put the parts together; `default_zone` is for people whose time zone is not known."""
        stores = Stores.over(database)
        messages = PlannedMessages(database, acceptance, log)
        consents = ConsentBook(stores.consents)
        plans = Plans(stores, consents, messages, connections, now, default_zone)
        appointments = Appointments(stores.appointments, plans, now)
        events = Events(stores.events, stores.registrations, plans, now)
        customers = Customers(stores.customers, consents, plans, now)
        subscribers = Subscribers(stores.subscribers, consents, plans, messages, now, default_zone)
        replies = Replies(
            database,
            stores,
            consents,
            plans,
            appointments,
            subscribers,
            messages,
            acceptance.texts,
            now,
        )
        return cls(
            stores=stores,
            requests=RequestBook(database, acceptance.texts),
            consents=consents,
            customers=customers,
            appointments=appointments,
            events=events,
            subscribers=subscribers,
            automations=Automations(stores, plans, now),
            campaigns=Campaigns(
                database, stores, consents, messages, connections, now, default_zone
            ),
            plans=plans,
            replies=replies,
            erasure=CustomerErasure(stores, plans, appointments, events, erasures, now),
            imports=Imports(stores, consents, plans, now),
            statistics=Statistics(DayCounts(database, now)),
            default_zone=default_zone,
        )

    async def prepare(self) -> None:
        """Create the indexes; several processes may do this at once."""
        await self.stores.prepare()
        await self.requests.prepare()
        await self.replies.prepare()
        await self.statistics.days.prepare()

    async def forget_owner(self, owner: str) -> None:
        """Remove all records of a user who is removed; their connections are gone already."""
        for store in self.stores.all:
            await store.collection.delete_many({"owner": {"$eq": owner}})
        await self.statistics.days.forget(owner)

    async def go_on(self) -> None:
        """Do what a crash has left, and plan what is no longer far off."""
        await self.erasure.go_on()
        await self.events.go_on()
        await self.plans.go_on()

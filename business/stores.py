"""All collections of the business side."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from business.errors import (
    AppointmentNotFoundError,
    AutomationNotFoundError,
    CampaignNotFoundError,
    CustomerNotFoundError,
    EventNotFoundError,
    NotThereError,
    RegistrationNotFoundError,
    SubscriberNotFoundError,
    TemplateNotFoundError,
)
from business.model import (
    Appointment,
    Automation,
    Campaign,
    Consents,
    Customer,
    Event,
    Registration,
    Subscriber,
    Template,
)
from business.store import Store

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

_LOOK_AGAIN = [("lookAgainAt", 1)]


@dataclass(frozen=True)
class Stores:
    """One store for each kind of record."""

    customers: Store[Customer]
    consents: Store[Consents]
    appointments: Store[Appointment]
    events: Store[Event]
    registrations: Store[Registration]
    subscribers: Store[Subscriber]
    templates: Store[Template]
    automations: Store[Automation]
    campaigns: Store[Campaign]

    @classmethod
    def over(cls, database: Database) -> Stores:
        """Return the stores of a database."""
        return cls(
            customers=Store(
                database,
                "customers",
                Customer,
                CustomerNotFoundError,
                ("phone",),
                ([("owner", 1), ("tags", 1)], _LOOK_AGAIN),
            ),
            consents=Store(database, "consents", Consents, NotThereError, ("phone",)),
            appointments=Store(
                database,
                "appointments",
                Appointment,
                AppointmentNotFoundError,
                ("externalId",),
                (
                    [("owner", 1), ("startsAt", 1), ("_id", 1)],
                    [("customer", 1), ("startsAt", 1)],
                    _LOOK_AGAIN,
                ),
            ),
            events=Store(
                database,
                "businessEvents",
                Event,
                EventNotFoundError,
                indexes=([("owner", 1), ("startsAt", 1)],),
            ),
            registrations=Store(
                database,
                "registrations",
                Registration,
                RegistrationNotFoundError,
                ("claim",),
                indexes=([("event", 1), ("_id", 1)], [("customer", 1)], _LOOK_AGAIN),
            ),
            subscribers=Store(
                database,
                "subscribers",
                Subscriber,
                SubscriberNotFoundError,
                ("phone", "list"),
                ([("owner", 1), ("list", 1), ("status", 1), ("_id", 1)], _LOOK_AGAIN),
            ),
            templates=Store(database, "templates", Template, TemplateNotFoundError),
            automations=Store(database, "automations", Automation, AutomationNotFoundError),
            campaigns=Store(
                database,
                "campaigns",
                Campaign,
                CampaignNotFoundError,
                indexes=([("status", 1)],),
            ),
        )

    @property
    def all(self) -> tuple[Store[Any], ...]:
        """Every store."""
        return tuple(getattr(self, each.name) for each in fields(self))

    async def prepare(self) -> None:
        """Create the indexes; several processes may do this at once."""
        for store in self.all:
            await store.prepare()

"""Which statuses follow which: one table for each record, from which every write is built."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from business.model import AppointmentStatus
from business.model import AppointmentStatus as A
from business.model import CampaignStatus as C
from business.model import RegistrationStatus as R
from business.model import SubscriberStatus as S

Table = Mapping[StrEnum, tuple[StrEnum, ...]]
"""A status, and the statuses from which it can be reached."""

APPOINTMENT: Table = MappingProxyType(
    {
        A.CONFIRMED: (A.BOOKED,),
        A.COMPLETED: (A.BOOKED, A.CONFIRMED),
        A.NO_SHOW: (A.BOOKED, A.CONFIRMED),
        A.CANCELLED: (A.BOOKED, A.CONFIRMED),
        # Moved to another time: it has to be confirmed again.
        A.BOOKED: (A.BOOKED, A.CONFIRMED),
    }
)
REGISTRATION: Table = MappingProxyType(
    {R.REGISTERED: (R.WAITING,), R.CANCELLED: (R.WAITING, R.REGISTERED)}
)
SUBSCRIBER: Table = MappingProxyType(
    {
        S.SUBSCRIBED: (S.UNCONFIRMED, S.UNSUBSCRIBED),
        S.UNCONFIRMED: (S.UNSUBSCRIBED,),
        S.UNSUBSCRIBED: (S.UNCONFIRMED, S.SUBSCRIBED),
    }
)
CAMPAIGN: Table = MappingProxyType(
    {
        C.SCHEDULED: (C.DRAFT,),
        C.RUNNING: (C.DRAFT, C.SCHEDULED, C.PAUSED),
        C.PAUSED: (C.SCHEDULED, C.RUNNING),
        C.FINISHED: (C.RUNNING,),
        C.CANCELLED: (C.DRAFT, C.SCHEDULED, C.RUNNING, C.PAUSED),
    }
)

MOVES: Mapping[str, AppointmentStatus] = MappingProxyType(
    {
        "confirm": A.CONFIRMED,
        "cancel": A.CANCELLED,
        "complete": A.COMPLETED,
        "no-show": A.NO_SHOW,
        "reschedule": A.BOOKED,
    }
)
"""What can be done with an appointment, and the status that it leads to."""
LIVE = (A.BOOKED, A.CONFIRMED)
"""The statuses of appointments that are still to come."""


def moves_from(status: AppointmentStatus) -> list[str]:
    """Return what can be done with an appointment in a status."""
    return [name for name, to in MOVES.items() if status in APPOINTMENT[to]]


def before(table: Table, status: StrEnum) -> list[str]:
    """Return the statuses from which this one can be reached."""
    return [str(each) for each in table.get(status, ())]

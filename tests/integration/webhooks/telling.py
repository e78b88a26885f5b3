"""What tests of webhooks share: the pending events, and the published ones beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sessions.outgoing_events.families import OutgoingEvent
from sessions.outgoing_events.relay import Relay
from sessions.webhooks.families import all_families
from tests.builders import PLAIN

if TYPE_CHECKING:
    from sessions.events.log import EventLog
    from sessions.storage.mongo import Database

Told = tuple[str, dict[str, Any]]


class _Everybody(frozenset[str]):
    """All owners there are."""

    def __contains__(self, _: object) -> bool:
        return True


class Taken:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[OutgoingEvent] = []

    async def owners(self) -> frozenset[str]:
        return _Everybody()

    async def take(self, events: Sequence[OutgoingEvent]) -> None:
        self.events.extend(events)

    async def forget(self, events: Sequence[str]) -> None:
        self.events = [each for each in self.events if each.id not in events]


async def taken(database: Database) -> list[OutgoingEvent]:
    """Take all pending events out of the database."""
    sink = Taken()
    relay = Relay(database, all_families(PLAIN), sink)
    while await relay.pass_on():
        pass
    return sink.events


async def told(database: Database) -> list[Told]:
    """Return the type and the data of all pending events, in order."""
    return [(event.type, json.loads(event.data)) for event in await taken(database)]


def published(events: EventLog) -> list[Told]:
    """Return the type and the data of all published events; repeated ones once."""
    found: list[Told] = []
    for event in events.take():
        each = (str(event.type), json.loads(event.data))
        if each not in found[-1:]:
            found.append(each)
    return found

"""Which messages a record wants now: every automation that answers one of its occasions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from business.errors import TemplateInvalidError
from business.model import Automation, Consents, Template, Trigger
from business.occasions import Occasion, Topic, sender
from business.templates import render, text_in
from business.timing import due
from sessions.connections.model import Connection
from sessions.messages.model import SUPERSEDED, Ground, Message, MessageStatus, Plan
from sessions.messages.planned import PlannedMessage, planned_id

HORIZON = timedelta(days=30)
"""How far ahead messages are stored; what is further off is planned later, under the same id."""
_HELD_UP_AT_MOST = timedelta(minutes=5)
"""How late a message may go that its own planning has held up."""


@dataclass(frozen=True)
class Rules:
    """What an owner's messages are planned by."""

    automations: tuple[Automation, ...]
    templates: Mapping[str, Template]
    connections: Mapping[str, Connection]

    def connection_of(self, topic: Topic, automation: Automation) -> str:
        """Return over which connection a message goes: the record's own, else the rule's."""
        return topic.connection_id or automation.connection_id


@dataclass(frozen=True)
class Slot:
    """A message that an automation has for an occasion: its id, and when it goes."""

    id: str
    automation: Automation
    occasion: Occasion
    due: datetime
    connection_id: str


def slots(topic: Topic, rules: Rules) -> Iterator[Slot]:
    """Yield every message that the automations have for a record, whenever it goes."""
    for automation in rules.automations:
        for occasion in topic.occasions:
            if occasion.trigger is automation.trigger and _answers(automation, topic, occasion):
                yield _slot(topic, rules, automation, occasion)


def _answers(automation: Automation, topic: Topic, occasion: Occasion) -> bool:
    wanted = automation.conditions
    if wanted.services and topic.service not in wanted.services:
        return False
    if wanted.statuses and topic.status not in wanted.statuses:
        return False
    if wanted.tags and not set(wanted.tags) & set(topic.tags):
        return False
    # What happened, or ended, before the automation was switched on is none of its business.
    since = automation.enabled_at
    return occasion.trigger.is_before or since is None or occasion.at >= since


def _slot(topic: Topic, rules: Rules, automation: Automation, occasion: Occasion) -> Slot:
    connection_id = rules.connection_of(topic, automation)
    connection = rules.connections.get(connection_id)
    zone = ZoneInfo(topic.zone)
    moment = due(
        _anchor(automation, occasion, zone),
        automation.offset,
        automation.delivery_hour,
        zone,
        connection.pacing.quiet_hours if connection else None,
        back=occasion.trigger.is_before,
    )
    version = str(occasion.version)
    key = (automation.id, topic.record.id, version, occasion.trigger)
    message_id = planned_id(topic.record.created_at, *key)
    return Slot(message_id, automation, occasion, moment, connection_id)


def _anchor(automation: Automation, occasion: Occasion, zone: ZoneInfo) -> datetime:
    """Return from when the offset counts: a birthday with a delivery hour is a whole day."""
    if occasion.trigger is Trigger.BIRTHDAY and automation.delivery_hour is not None:
        return occasion.at.astimezone(zone).replace(hour=0, minute=0)
    return occasion.at


def is_wanted(slot: Slot, stored: Message | None, now: datetime) -> bool:
    """Tell whether a message is still to go; one that waits for its turn already is not late.

    Nor is one that was to go while the record was planned anew, and was withdrawn for that.
    """
    if slot.occasion.until is not None and max(slot.due, now) >= slot.occasion.until:
        return False
    if not slot.occasion.trigger.is_before or slot.due >= now:
        return True
    if stored is None or stored.plan is None or stored.plan.due != slot.due:
        return False
    return stored.status is MessageStatus.QUEUED or _was_held_up(stored, slot, now)


def _was_held_up(stored: Message, slot: Slot, now: datetime) -> bool:
    """Tell whether a message was withdrawn just now, when its time had come."""
    ended = stored.cancelled_at
    if ended is None or stored.reason != SUPERSEDED:
        return False
    return ended >= slot.due and now - ended <= _HELD_UP_AT_MOST


def write(
    slot: Slot, topic: Topic, rules: Rules, consents: Consents, now: datetime
) -> PlannedMessage:
    """Return the message with its text.

    Raises TemplateInvalidError or ValueMissingError.
    """
    template = rules.templates.get(slot.automation.template)
    if template is None:
        raise TemplateInvalidError("Its template was deleted.")
    text, language = text_in(template.texts, topic.language)
    connection = rules.connections.get(slot.connection_id)
    return PlannedMessage(
        id=slot.id,
        to=topic.phone,
        text=render(text, {**topic.values, "connection": sender(connection)}, language, topic.zone),
        plan=Plan(
            origin=slot.automation.id,
            subject=topic.record.id,
            trigger=slot.occasion.trigger,
            expects=slot.automation.expects or template.expects,
            due=slot.due,
            revision=topic.record.revision,
            grounds=grounds(topic, slot.automation, consents),
        ),
        send_at=slot.due if slot.due > now else None,
        expires_at=slot.occasion.until,
    )


def grounds(topic: Topic, automation: Automation, consents: Consents) -> tuple[Ground, ...]:
    """Return the records that must not change before a message goes."""
    return (
        Ground(collection=topic.collection, id=topic.record.id, revision=topic.record.revision),
        Ground(collection="automations", id=automation.id, revision=automation.revision),
        Ground(collection="consents", id=consents.id, revision=consents.revision),
    )


def next_look(all_slots: Sequence[Slot], now: datetime) -> datetime | None:
    """Return when more has to be planned: what is too far off now, and the next birthday."""
    far = [each.due - HORIZON for each in all_slots if each.due > now + HORIZON]
    yearly = [each.due for each in all_slots if each.occasion.trigger is Trigger.BIRTHDAY]
    return min([*far, *(each + timedelta(days=1) for each in yearly)], default=None)

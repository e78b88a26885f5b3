"""Why automations have no message for a record: too late, not wanted, or too far off yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from business.errors import TemplateInvalidError, ValueMissingError
from business.model import Agreement, Automation, Consents
from business.occasions import Topic
from business.planner import HORIZON, Rules, Slot, is_wanted, slots, write
from sessions.messages.model import Message


class Omission(StrEnum):
    """Why an automation has no message for a record."""

    TOO_LATE = "too_late"
    """It would have had to go before the record was made or moved."""
    NOT_AGREED = "not_agreed"
    """The person has not agreed to messages of this purpose."""
    OPTED_OUT = "opted_out"
    """The person wants no messages of this purpose."""
    FAR_OFF = "far_off"
    """It is planned when it comes nearer."""
    NOT_WRITTEN = "not_written"
    """Its text cannot be written; the automation's `lastError` may say why."""


@dataclass(frozen=True)
class Omitted:
    """A message that an automation does not have, when it would go, and why it is not there."""

    automation: Automation
    due: datetime
    why: Omission


def omitted(
    topic: Topic,
    rules: Rules,
    consents: Consents | None,
    known: Mapping[str, Message],
    now: datetime,
) -> list[Omitted]:
    """Return what is missing among the messages of a record; `known` are those it has, by id."""
    nobody = Consents(id="", owner="", created_at=now, phone=topic.phone)
    agreed = consents or nobody
    found = []
    for slot in slots(topic, rules):
        since = slot.automation.enabled_at
        # What would have gone before the automation was switched on is none of its business.
        if slot.id in known or (since is not None and slot.due < since):
            continue
        if why := _why(slot, topic, rules, agreed, now):
            found.append(Omitted(slot.automation, slot.due, why))
    return found


def _why(
    slot: Slot, topic: Topic, rules: Rules, consents: Consents, now: datetime
) -> Omission | None:
    """Return why there is no message; None if it is about to be planned."""
    purpose = slot.automation.purpose
    if not consents.allow(purpose):
        out = consents.state(purpose) is Agreement.OUT
        return Omission.OPTED_OUT if out else Omission.NOT_AGREED
    if not is_wanted(slot, None, now):
        return Omission.TOO_LATE
    if slot.due > now + HORIZON:
        return Omission.FAR_OFF
    try:
        write(slot, topic, rules, consents, now)
    except (TemplateInvalidError, ValueMissingError):
        return Omission.NOT_WRITTEN
    return None

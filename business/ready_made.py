"""Templates and automations that come with the program, in Hebrew and English; all are off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from business.model import Expects, Language, Purpose, Template, Trigger

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_WHEN = "{{appointment.startsAt | date}}"
_TIME = "{{appointment.startsAt | time}}"
_NAME = "{% if customer.firstName %} {{customer.firstName}}{% endif %}"
"""The first name with a space before it, where the name is known."""
_PLACE = "{% if appointment.location %}\n{{appointment.location}}{% endif %}"


def _template(name: str, en: str, he: str, expects: Expects | None = None) -> Template:
    key = "ready_" + name.lower().replace(" ", "_").replace("-", "_")
    texts = {Language.EN: en, Language.HE: he}
    return Template(id=key, owner="", created_at=_EPOCH, name=name, texts=texts, expects=expects)


REMINDER = _template(
    "Reminder",
    f"Hello{_NAME}, this is a reminder: {{{{appointment.service}}}} on {_WHEN} at {_TIME}.{_PLACE}",
    f"שלום{_NAME}, תזכורת: {{{{appointment.service}}}}, {_WHEN} בשעה {_TIME}.{_PLACE}",
)
QUESTION = _template(
    "Reminder with a question",
    f"Hello{_NAME}, {{{{appointment.service}}}} on {_WHEN} at {_TIME}.{_PLACE}"
    "\nReply 1 to confirm, 2 to cancel.",
    f"שלום{_NAME}, {{{{appointment.service}}}}, {_WHEN} בשעה {_TIME}.{_PLACE}\n"
    "השיבו 1 לאישור, 2 לביטול.",
    Expects.CONFIRM,
)
BOOKED = _template(
    "Booked",
    f"Your appointment is booked: {{{{appointment.service}}}} on {_WHEN} at {_TIME}.{_PLACE}",
    f"התור נקבע: {{{{appointment.service}}}}, {_WHEN} בשעה {_TIME}.{_PLACE}",
)
MOVED = _template(
    "Moved",
    f"Your appointment was moved: {{{{appointment.service}}}} is now on {_WHEN} at {_TIME}."
    f"{_PLACE}",
    f"התור הועבר: {{{{appointment.service}}}} יתקיים ב{_WHEN} בשעה {_TIME}.{_PLACE}",
)
CONFIRMED = _template(
    "Confirmed",
    f"Thank you. Confirmed: {{{{appointment.service}}}} on {_WHEN} at {_TIME}.",
    f"תודה. התור אושר: {{{{appointment.service}}}}, {_WHEN} בשעה {_TIME}.",
)
CANCELLED = _template(
    "Cancelled",
    f"Your appointment on {_WHEN} at {_TIME} is cancelled.",
    f"התור של {_WHEN} בשעה {_TIME} בוטל.",
)
THANKS = _template(
    "Thanks",
    f"Thank you for your visit{_NAME}.",
    f"תודה על הביקור{_NAME}.",
)
MISSED = _template(
    "Missed",
    f"We missed you on {_WHEN}. Reply to this message to book another time.",
    f"לא נפגשנו ב{_WHEN}. אפשר להשיב להודעה זו כדי לקבוע תור חדש.",
)
BIRTHDAY = _template("Birthday", f"Happy birthday{_NAME}!", f"יום הולדת שמח{_NAME}!")
EVENT = _template(
    "Event reminder",
    "{{event.name}}: {{event.startsAt | date}} at {{event.startsAt | time}}.",
    "{{event.name}}: {{event.startsAt | date}} בשעה {{event.startsAt | time}}.",
)
CONFIRM_LIST = _template(
    "Confirm a subscription",
    "You asked for our messages ({{subscriber.list}}). Reply YES to get them, STOP if you did not.",
    "ביקשתם לקבל את ההודעות שלנו ({{subscriber.list}}). השיבו כן לאישור, הסר אם לא ביקשתם.",
    Expects.CONFIRM,
)
WELCOME = _template(
    "Welcome",
    "You now get our messages. Reply STOP to end them.",
    "נרשמתם לקבלת ההודעות שלנו. להסרה השיבו הסר.",
)
OPTED_OUT = _template(
    "Opted out",
    "You will get no more of these messages. Reply START to get them again.",
    "לא תקבלו עוד הודעות כאלה. לחזרה השיבו הצטרף.",
)
OPTED_IN = _template(
    "Opted in",
    "You get our messages again. Reply STOP to end them.",
    "הצטרפתם שוב. להסרה השיבו הסר.",
)

READY_TEMPLATES = {
    each.id: each
    for each in (
        REMINDER, QUESTION, BOOKED, MOVED, CONFIRMED, CANCELLED, THANKS, MISSED, BIRTHDAY, EVENT,
        CONFIRM_LIST, WELCOME, OPTED_OUT, OPTED_IN,
    )
}  # fmt: skip
"""The ready-made templates by their ids, which automations may name."""


@dataclass(frozen=True)
class ReadyMade:
    """An automation to switch on: its owner names the connection."""

    name: str
    trigger: Trigger
    template: Template
    purpose: Purpose
    offset: str | None = None
    delivery_hour: str | None = None


READY_AUTOMATIONS = (
    ReadyMade("Tell of a booking", Trigger.BOOKED, BOOKED, Purpose.SERVICE),
    ReadyMade("Tell of another time", Trigger.RESCHEDULED, MOVED, Purpose.SERVICE),
    ReadyMade("Tell of a cancellation", Trigger.CANCELLED, CANCELLED, Purpose.SERVICE),
    ReadyMade("Ask two days before", Trigger.BEFORE_APPOINTMENT, QUESTION, Purpose.REMINDER, "2d"),
    ReadyMade("Remind a day before", Trigger.BEFORE_APPOINTMENT, REMINDER, Purpose.REMINDER, "1d"),
    ReadyMade(
        "Remind 2 hours before", Trigger.BEFORE_APPOINTMENT, REMINDER, Purpose.REMINDER, "2h"
    ),
    ReadyMade(
        "Thank a day after", Trigger.AFTER_APPOINTMENT, THANKS, Purpose.SERVICE, "1d", "10:00"
    ),
    ReadyMade("Write after a no-show", Trigger.NO_SHOW, MISSED, Purpose.SERVICE, "1h"),
    ReadyMade("Remind of an event", Trigger.BEFORE_EVENT, EVENT, Purpose.REMINDER, "1d"),
    ReadyMade("Welcome a subscriber", Trigger.SUBSCRIBER_CONFIRMED, WELCOME, Purpose.MARKETING),
    ReadyMade("Birthday", Trigger.BIRTHDAY, BIRTHDAY, Purpose.MARKETING, None, "10:00"),
)
"""The ready-made automations."""

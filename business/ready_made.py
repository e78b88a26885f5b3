"""Templates and automations that come with the program, in Hebrew and English; all are off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

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
COME_AGAIN = _template(
    "Come again",
    f"Hello{_NAME}, it has been a while since your last visit ({{{{appointment.service}}}}). "
    "Reply to this message to book the next one, or STOP to get no more of these.",
    f"שלום{_NAME}, עבר זמן מאז הביקור האחרון ({{{{appointment.service}}}}). "
    "אפשר להשיב להודעה זו כדי לקבוע את הבא. להסרה השיבו הסר.",
)
PREPARE = _template(
    "Reminder to come prepared",
    f"Hello{_NAME}, this is a reminder: {{{{appointment.service}}}} on {_WHEN} at {_TIME}.{_PLACE}"
    "\nPlease come 10 minutes early and bring your documents.",
    f"שלום{_NAME}, תזכורת: {{{{appointment.service}}}}, {_WHEN} בשעה {_TIME}.{_PLACE}\n"
    "נא להגיע 10 דקות לפני הזמן ולהביא את המסמכים.",
)
FOLLOW_UP = _template(
    "Follow up",
    f"Hello{_NAME}, how are you after your visit? If there is anything to ask, reply to this "
    "message.",
    f"שלום{_NAME}, מה שלומך אחרי הביקור? לכל שאלה אפשר להשיב להודעה זו.",
)
REGISTERED = _template(
    "Registered",
    "You have a place: {{event.name}}, {{event.startsAt | date}} at {{event.startsAt | time}}.",
    "המקום שלך שמור: {{event.name}}, {{event.startsAt | date}} בשעה {{event.startsAt | time}}.",
)
CALLED_OFF = _template(
    "Event cancelled",
    "{{event.name}} on {{event.startsAt | date}} is cancelled.",
    "{{event.name}} ב{{event.startsAt | date}} בוטל.",
)
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
        REMINDER, QUESTION, PREPARE, BOOKED, MOVED, CONFIRMED, CANCELLED, THANKS, FOLLOW_UP,
        COME_AGAIN, MISSED, BIRTHDAY, REGISTERED, EVENT, CALLED_OFF, CONFIRM_LIST, WELCOME,
        OPTED_OUT, OPTED_IN,
    )
}  # fmt: skip
"""The ready-made templates by their ids, which automations may name."""


class Trade(StrEnum):
    """A kind of business that ready-made automations suit."""

    BARBER = "barber"
    CLINIC = "clinic"
    STUDIO = "studio"


@dataclass(frozen=True)
class ReadyMade:
    """An automation to switch on: its owner names the connection."""

    name: str
    trigger: Trigger
    template: Template
    purpose: Purpose
    offset: str | None = None
    delivery_hour: str | None = None
    trades: tuple[Trade, ...] = tuple(Trade)


_BARBER, _CLINIC, _STUDIO = Trade.BARBER, Trade.CLINIC, Trade.STUDIO
_BEFORE, _AFTER = Trigger.BEFORE_APPOINTMENT, Trigger.AFTER_APPOINTMENT
_REMINDER, _SERVICE, _MARKETING = Purpose.REMINDER, Purpose.SERVICE, Purpose.MARKETING

READY_AUTOMATIONS = (
    ReadyMade("Tell of a booking", Trigger.BOOKED, BOOKED, _SERVICE),
    ReadyMade("Tell of another time", Trigger.RESCHEDULED, MOVED, _SERVICE),
    ReadyMade("Tell of a cancellation", Trigger.CANCELLED, CANCELLED, _SERVICE),
    ReadyMade("Ask two days before", _BEFORE, QUESTION, _REMINDER, "2d", trades=(_CLINIC,)),
    ReadyMade("Ask a day before", _BEFORE, QUESTION, _REMINDER, "1d", "18:00", (_BARBER,)),
    ReadyMade("Remind a day before", _BEFORE, REMINDER, _REMINDER, "1d", None, (_BARBER, _STUDIO)),
    ReadyMade("Remind to come prepared", _BEFORE, PREPARE, _REMINDER, "1d", None, (_CLINIC,)),
    ReadyMade("Remind 2 hours before", _BEFORE, REMINDER, _REMINDER, "2h"),
    ReadyMade("Thank a day after", _AFTER, THANKS, _SERVICE, "1d", "10:00", (_BARBER, _STUDIO)),
    ReadyMade("Follow up a day after", _AFTER, FOLLOW_UP, _SERVICE, "1d", "10:00", (_CLINIC,)),
    ReadyMade("Ask to come again", _AFTER, COME_AGAIN, _MARKETING, "4w", "10:00", (_BARBER,)),
    ReadyMade("Write after a no-show", Trigger.NO_SHOW, MISSED, _SERVICE, "1h"),
    ReadyMade(
        "Tell of a registration", Trigger.EVENT_REGISTERED, REGISTERED, _SERVICE, trades=(_STUDIO,)
    ),
    ReadyMade("Remind of an event", Trigger.BEFORE_EVENT, EVENT, _REMINDER, "1d", None, (_STUDIO,)),
    ReadyMade(
        "Tell of a cancelled event",
        Trigger.EVENT_CANCELLED,
        CALLED_OFF,
        _SERVICE,
        trades=(_STUDIO,),
    ),
    ReadyMade(
        "Welcome a subscriber",
        Trigger.SUBSCRIBER_CONFIRMED,
        WELCOME,
        _MARKETING,
        trades=(_BARBER, _STUDIO),
    ),
    ReadyMade("Birthday", Trigger.BIRTHDAY, BIRTHDAY, _MARKETING, None, "10:00"),
)
"""The ready-made automations."""

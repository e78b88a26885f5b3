"""Example values of all variables, and which variables the messages of a trigger have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from business.model import Language, Trigger
from business.occasions import person
from business.templates import VARIABLES, needed

_WHEN = datetime(2030, 1, 31, 9, tzinfo=UTC)


def _examples(
    name: str, service: str, event: str, place: str, list_: str, line: str
) -> dict[str, dict[str, Any]]:
    times = {"startsAt": _WHEN, "endsAt": _WHEN + timedelta(hours=1), "location": place}
    return {
        "customer": person(name, "+972541234567", {}),
        "appointment": {"service": service, **times},
        "event": {"name": event, **times},
        "subscriber": {"list": list_},
        "connection": {"name": line, "phone": "+972501234567"},
    }


EXAMPLES: Mapping[Language, Mapping[str, Mapping[str, Any]]] = {
    Language.EN: _examples(
        "Dana Levi", "Haircut", "Open evening", "12 Herzl Street", "news", "Main line"
    ),
    Language.HE: _examples("דנה לוי", "תספורת", "ערב פתוח", "רחוב הרצל 12", "חדשות", "הקו הראשי"),
}
"""The values of variables, by language."""
_ALWAYS = ("customer", "connection")
"""The groups of variables that every message has."""


def never_there(texts: Mapping[Any, str], trigger: Trigger | None) -> list[str]:
    """Return the variables that texts need and messages of a trigger (None: a campaign) never have.

    A customer may have any attribute, a subscriber has none.
    """
    # The name of a trigger says what its messages are about.
    about = "subscriber" if trigger is None else trigger
    groups = [name for name in VARIABLES if name in about or name in _ALWAYS]
    known = {name: EXAMPLES[Language.EN][name] for name in groups}
    found = sorted({name for text in texts.values() for name in needed(text, known)})
    if "subscriber" in groups:
        return found
    return [name for name in found if not name.startswith("customer.attributes.")]

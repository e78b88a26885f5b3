"""Days and dates in the languages of messages."""

from __future__ import annotations

from datetime import datetime

from business.model import Language

_DAYS = {
    Language.EN: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    Language.HE: ("יום שני", "יום שלישי", "יום רביעי", "יום חמישי", "יום שישי", "שבת", "יום ראשון"),
}
_MONTHS = {
    Language.EN: (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    Language.HE: (
        "בינואר", "בפברואר", "במרץ", "באפריל", "במאי", "ביוני",
        "ביולי", "באוגוסט", "בספטמבר", "באוקטובר", "בנובמבר", "בדצמבר",
    ),
}  # fmt: skip


def written_day(moment: datetime, language: Language) -> str:
    """Return the day of the week of a local time."""
    return _DAYS[language][moment.weekday()]


def written_date(moment: datetime, language: Language) -> str:
    """Return the date of a local time, with its day of the week."""
    month = _MONTHS[language][moment.month - 1]
    return f"{written_day(moment, language)}, {moment.day} {month} {moment.year}"

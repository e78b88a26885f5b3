"""Who a message goes to."""

import pytest

from sessions.errors import InvalidRecipientError
from sessions.recipients import parse_phone_number, parse_recipient


@pytest.mark.parametrize(
    ("text", "chat_id"),
    [
        ("+972501234567", "972501234567@c.us"),
        ("972501234567", "972501234567@c.us"),
        ("+972 50-123-4567", "972501234567@c.us"),
        ("+972 (50) 123.4567", "972501234567@c.us"),
        ("\u202a+972 50\u2011123\u20114567\u202c", "972501234567@c.us"),
        ("972501234567@c.us", "972501234567@c.us"),
        ("120363041234567890@g.us", "120363041234567890@g.us"),
        ("972501234567-1400000000@g.us", "972501234567-1400000000@g.us"),
        ("123456789012345@lid", "123456789012345@lid"),
    ],
)
def test_what_is_understood(text: str, chat_id: str) -> None:
    assert parse_recipient(text).chat_id == chat_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "12",
        "0501234567",
        "+999123456789",
        "+97250",
        "+9725012345678901234",
        "hello",
        "+972501234567; DROP",
        "+972501234567\n+972501234568",
        "x@c.us",
        "972501234567@s.whatsapp.net",
        "972501234567@c.us/../..",
        "١٢٣٤٥٦٧٨٩",
        "9" * 5000,
    ],
)
def test_what_cannot_exist_is_refused(text: str) -> None:
    with pytest.raises(InvalidRecipientError):
        parse_recipient(text)


def test_a_number_is_kept_in_e164() -> None:
    assert parse_phone_number("972-50-123-4567") == "+972501234567"

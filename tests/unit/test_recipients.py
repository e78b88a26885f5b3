"""Who a message goes to."""

import pytest

from sessions.common.errors import InvalidRecipientError
from sessions.recipients.address import parse_phone_number, parse_recipient


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
        ("00972501111111", "972501111111@c.us"),
        ("+972\u00a050\u2009111 1111", "972501111111@c.us"),
        ("+972\u200b50\u2060111\ufeff1111", "972501111111@c.us"),
        ("＋９７２501111111", "972501111111@c.us"),
        ("+٩٧٢٥٠١١١١١١١", "972501111111@c.us"),
        ("972/50.111.1111", "972501111111@c.us"),
        ("+44 (0)20 7946 0958", "442079460958@c.us"),
        ("+39 06 1234567", "39061234567@c.us"),
        ("(+972) 50-1111111", "972501111111@c.us"),
        ("(00972) 50-1111111", "972501111111@c.us"),
        ("+972\u221250\u22121111111", "972501111111@c.us"),
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
        "٠٥٠١٢٣٤٥٦٧",
        "000972501111111",
        "9" * 5000,
    ],
)
def test_what_cannot_exist_is_refused(text: str) -> None:
    with pytest.raises(InvalidRecipientError):
        parse_recipient(text)


@pytest.mark.parametrize(
    "number",
    [
        "5511987654321",
        "551187654321",
        "5215512345678",
        "525512345678",
        "5491112345678",
        "541112345678",
        "54111512345678",
    ],
)
def test_no_rule_of_a_country_rewrites_a_number(number: str) -> None:
    assert parse_recipient(f"+{number}").chat_id == f"{number}@c.us"
    assert parse_recipient(number).chat_id == f"{number}@c.us"


def test_a_number_is_kept_in_e164() -> None:
    assert parse_phone_number("972-50-123-4567") == "+972501234567"

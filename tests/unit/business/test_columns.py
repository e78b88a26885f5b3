"""Which columns of somebody else's table are taken, and what their cells say."""

from __future__ import annotations

import pytest

from business.model import Language, SubscriberStatus
from business.postgres.columns import ColumnError, choose, read_map, subscriber_of

PHONE = "+972541234567"


@pytest.mark.parametrize(
    ("present", "taken"),
    [
        (["id", "name", "phone"], {"phone": ("phone",), "name": ("name",)}),
        (["Full Name", "phoneNumber"], {"phone": ("phoneNumber",), "name": ("Full Name",)}),
        (["mobile", "whatsapp", "phone_number"], {"phone": ("phone_number",)}),
        (
            ["first_name", "last_name", "MOBILE"],
            {"phone": ("MOBILE",), "name": ("first_name", "last_name")},
        ),
        (
            ["phone", "is_active", "unsubscribed_at", "deleted_at", "locale", "list"],
            {
                "phone": ("phone",),
                "list": ("list",),
                "language": ("locale",),
                "status": ("is_active",),
                "out": ("unsubscribed_at", "deleted_at"),
            },
        ),
        (["שם", "נייד"], {"phone": ("נייד",), "name": ("שם",)}),
    ],
)
def test_columns_are_known_by_their_names(
    present: list[str], taken: dict[str, tuple[str, ...]]
) -> None:
    assert choose(present, {}) == taken


def test_an_operator_says_it_otherwise() -> None:
    given = read_map("phone=contact, name=given+family,status=")
    present = ["contact", "phone", "given", "family", "status", "lang"]
    assert choose(present, given) == {
        "phone": ("contact",),
        "name": ("given", "family"),
        "language": ("lang",),
    }


@pytest.mark.parametrize("text", ["phone", "shoe=size", "=phone", "phone=a,,name=b"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="FIELD=COLUMN"):
        read_map(text)


@pytest.mark.parametrize(
    ("present", "given", "says"),
    [
        (["id", "email"], "", "--map phone=COLUMN"),
        (["phone"], "name=nick", "'nick'"),
        (["phone"], "phone=", "--map phone=COLUMN"),
    ],
)
def test_what_is_missing_is_told_with_what_there_is(
    present: list[str], given: str, says: str
) -> None:
    with pytest.raises(ColumnError) as error:
        choose(present, read_map(given) if given else {})
    assert says in str(error.value)
    assert ", ".join(present) in str(error.value)


def test_a_row_becomes_the_fields_of_a_subscriber() -> None:
    cells = {"a": " Dana", "b": "Levi ", "phone": "+972 54-123-4567", "l": "en_US", "empty": None}
    columns = choose([*cells], read_map("name=a+empty+b,language=l"))
    assert subscriber_of(cells, columns, "friends") == {
        "phone": PHONE,
        "name": "Dana Levi",
        "list": "friends",
        "language": Language.EN,
    }


@pytest.mark.parametrize(
    ("cells", "left"),
    [
        ({"status": "Active"}, False),
        ({"status": "UNSUBSCRIBED"}, True),
        ({"status": "opted-out"}, True),
        ({"is_active": "true"}, False),
        ({"is_active": "false"}, True),
        ({"unsubscribed_at": None}, False),
        ({"unsubscribed_at": "2026-01-01 10:00:00+00"}, True),
        ({"opted_out": "false"}, False),
        ({"opted_out": "false", "deleted_at": "2026-01-01"}, True),
    ],
)
def test_who_has_left_there_has_left_here(cells: dict[str, str | None], left: bool) -> None:
    columns = choose(["phone", *cells], {})
    fields = subscriber_of({"phone": PHONE, **cells}, columns, "news")
    assert (fields.get("status") is SubscriberStatus.UNSUBSCRIBED) is left


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"phone": "0541234567"}, r"no \+ and country code"),
        ({"phone": "972541234567"}, r"no \+ and country code"),
        ({"phone": None}, r"no \+ and country code"),
        ({"phone": PHONE, "language": "ru"}, "no language"),
        ({"phone": PHONE, "status": "pending"}, "--map status="),
        ({"phone": PHONE, "status": None}, "--map status="),
        ({"phone": PHONE, "name": "x" * 201}, "longer"),
    ],
)
def test_nothing_is_guessed(cells: dict[str, str | None], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        subscriber_of(cells, choose([*cells], {}), "news")

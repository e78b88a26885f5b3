"""What a log line may show of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.common.ids import new_id
from sessions.logs.masking import mask

NUMBER = "972501234567"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"to +{NUMBER}.", "to ***567."),
        (f"to {NUMBER}", "to ***567"),
        (f"to={NUMBER}", "to=***567"),
        (f"'{NUMBER}'", "'***567'"),
        ("+972 50-123-4567", "***567"),
        ("+972 (50) 123.4567", "***567"),
        ("+972 50\u2011123\u20114567", "***567"),
        ("(050) 123-4567", "***567"),
        ("050-123-4567", "***567"),
        (f"2 {NUMBER} 30000 1234567", "2 ***567 30000 ***567"),
        (f"{NUMBER}@c.us", "***567@c.us"),
        (f"true_{NUMBER}@c.us_3EB0ABCDEF0123456789", "true_***567@c.us_3EB0ABCDEF0123456789"),
        (f"{NUMBER}:12@s.whatsapp.net", "***567:12@s.whatsapp.net"),
        ("123456789012345@lid", "***345@lid"),
        ("120363041234567890@g.us", "***890@g.us"),
        (f"{NUMBER}-1400000000@g.us", "***000@g.us"),
        (f"/connections/main/numbers/+{NUMBER}", "/connections/main/numbers/***567"),
        (f"/numbers/%2B{NUMBER}", "/numbers/***567"),
        (f"a\\n{NUMBER}", "a\\n***567"),
    ],
)
def test_of_a_phone_number_the_last_digits_are_shown(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mongodb://user:p%40ss@db.example:27017/x", "mongodb://***@db.example:27017/x"),
        ("mongodb+srv://user:pass@db.example/x", "mongodb+srv://***@db.example/x"),
        ("mongodb://user:p@/s:s@db.example/x", "mongodb://***@db.example/x"),
        ("redis://:hunter2@127.0.0.1:6379/0", "redis://***@127.0.0.1:6379/0"),
        ("proxy http://me:secret@10.0.0.1:8080 failed", "proxy http://***@10.0.0.1:8080 failed"),
        ("X-Api-Key: 0123456789abcdef", "X-Api-Key: ***"),
        ("{'password': 'hunter2'}", "{'password': '***'}"),
        ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: Bearer ***"),
        ("cgw_0123456789abcdefABCDEF", "cgw_***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "***"),
        ("code 2@Qk9PT0s=,abcd+/=,efgh=,ijkl=,1", "code ***"),
    ],
)
def test_secrets_are_hidden(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:27017 and 10.0.0.1:5000",
        "PORT 65535, took 1234.5678901 s, 86400000 ms",
        "blob 12 (clean), 104857600 bytes",
        "2026-11-24T07:55:56.123456+00:00 and 2026-11-24 07:55:56",
        "01234567-89ab-cdef-0123-456789012345",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "worker host-1234567-worker-0 is ready, generation 12",
        "Chrome/123.0.6312.122, browser 4194303, pid 4194304",
        "http://127.0.0.1:5000/api/whatsapp/connections/business_main/status",
        "Not a phone number in international format",
    ],
)
def test_what_is_neither_stays_as_it_is(text: str) -> None:
    assert mask(text) == text


def test_ids_stay_as_they_are() -> None:
    for _ in range(200):
        text = f"Message {new_id()} of {new_id()}"
        assert mask(text) == text


@given(st.text(), st.text("0123456789", min_size=7, max_size=15), st.sampled_from(" \n\"'=:/,[<"))
def test_no_number_survives_beside_any_text(before: str, digits: str, edge: str) -> None:
    assert f"{edge}{digits}{edge}" not in mask(f"{before}{edge}{digits}{edge}")


@given(st.text())
def test_what_is_masked_is_not_masked_further(text: str) -> None:
    assert mask(mask(text)) == mask(text)

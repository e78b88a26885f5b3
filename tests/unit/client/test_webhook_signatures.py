"""The client believes the webhooks that are ours, and no others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError as TheirError

from chatgrow_client import WebhookVerificationError, verify_webhook
from chatgrow_client.models import EventType

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
TOLD = {
    "type": "message.status",
    "timestamp": "2026-10-31T10:00:00.000Z",
    "data": {"messageId": "m"},
}
BODY = json.dumps(TOLD)
AT = datetime(2026, 10, 31, 10, tzinfo=UTC)


def _headers(body: str = BODY, *secrets: str, at: datetime = AT) -> dict[str, str]:
    signed = [Webhook(each).sign("event.1", at, body) for each in secrets or (SECRET,)]
    return {
        "Webhook-Id": "event.1",
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": " ".join(signed),
    }


def test_a_signed_webhook_tells_its_event() -> None:
    event = verify_webhook(_headers(), BODY.encode(), SECRET, now=AT.timestamp())
    assert event.type == EventType.MESSAGE_STATUS
    assert event.message_id == "m"
    assert event.id == "event.1"
    assert event.timestamp == AT


@pytest.mark.parametrize("known", [SECRET, OTHER, [OTHER, SECRET]])
def test_either_secret_is_believed_while_it_rotates(known: str | list[str]) -> None:
    signed_by_both = _headers(BODY, SECRET, OTHER)
    assert verify_webhook(signed_by_both, BODY, known, now=AT.timestamp()).id == "event.1"


def test_a_receiver_that_knows_both_secrets_believes_one() -> None:
    assert verify_webhook(_headers(), BODY, [OTHER, SECRET], now=AT.timestamp()).id == "event.1"


@pytest.mark.parametrize("late", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_an_old_or_future_webhook_is_refused(late: timedelta) -> None:
    now = (AT + late).timestamp()
    with pytest.raises(WebhookVerificationError, match="too old"):
        verify_webhook(_headers(), BODY, SECRET, now=now)
    verify_webhook(_headers(), BODY, SECRET, now=now, tolerance=timedelta(minutes=7))


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Id": "event.2"},
        {"Webhook-Timestamp": str(int(AT.timestamp()) + 1)},
        {"Webhook-Timestamp": "now"},
        {"Webhook-Timestamp": "١٧٩٣٤٤٠٨٠٠"},
        {"Webhook-Signature": "v1,"},
        {"Webhook-Signature": "v1a,AAAA"},
        {"Webhook-Signature": "v1,שלום"},
        {"Webhook-Signature": ""},
        {"Webhook-Id": ""},
    ],
)
def test_a_changed_webhook_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(WebhookVerificationError):
        verify_webhook(_headers() | change, BODY, SECRET, now=AT.timestamp())


def test_another_body_is_refused() -> None:
    with pytest.raises(WebhookVerificationError, match="signature"):
        verify_webhook(_headers(), BODY + " ", SECRET, now=AT.timestamp())


def test_what_is_signed_and_no_event_is_refused() -> None:
    with pytest.raises(WebhookVerificationError, match="event"):
        verify_webhook(_headers("[]"), "[]", SECRET, now=AT.timestamp())


def test_a_secret_is_believed_as_it_stands_in_a_file() -> None:
    assert verify_webhook(_headers(), BODY, f"{SECRET}\n", now=AT.timestamp())


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_a", "whsec_not a secret!"])
def test_a_secret_that_is_none_is_a_mistake_of_the_receiver(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        verify_webhook(_headers(), BODY, secret, now=AT.timestamp())


@given(st.dictionaries(st.text(), st.text(), max_size=3), st.sampled_from([SECRET, OTHER]))
def test_what_the_known_library_believes_is_believed(data: dict[str, str], secret: str) -> None:
    now = datetime.now(UTC)
    body = json.dumps(TOLD | {"data": data})
    headers = {name.lower(): value for name, value in _headers(body, SECRET, at=now).items()}
    try:
        Webhook(secret).verify(body, headers)
        believed = True
    except TheirError:
        believed = False
    if believed:
        assert verify_webhook(headers, body, secret).data == data
    else:
        with pytest.raises(WebhookVerificationError):
            verify_webhook(headers, body, secret)

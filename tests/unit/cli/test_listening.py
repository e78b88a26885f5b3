"""A local receiver takes what is signed, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from chatgrow_cli.receiver import Arrival, Receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOLD = '{"type":"message.status","timestamp":"2026-10-31T10:00:00Z","data":{"messageId":"m"}}'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(("127.0.0.1", 0), [SECRET]) as receiver:
        yield receiver


def _posted(receiver: Receiver, body: str, signed: str = TOLD) -> tuple[int, Arrival]:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "event.1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("event.1", now, signed),
    }
    answers: list[int] = []

    def post() -> None:
        answers.append(httpx.post(receiver.address, content=body, headers=headers).status_code)

    sender = threading.Thread(target=post)
    sender.start()
    arrival = next(receiver.arrivals())
    sender.join()
    return answers[0], arrival


def test_a_signed_event_is_taken_and_its_repetition_is_known(receiver: Receiver) -> None:
    status, first = _posted(receiver, TOLD)
    assert status == HTTPStatus.NO_CONTENT
    assert first.event is not None
    assert (first.event.type, first.event.message_id, first.again) == ("message.status", "m", False)
    assert _posted(receiver, TOLD)[1].again


def test_what_was_changed_on_the_way_is_refused(receiver: Receiver) -> None:
    status, arrival = _posted(receiver, TOLD.replace("m", "n"))
    assert status == HTTPStatus.UNAUTHORIZED
    assert arrival.event is None
    assert "signature" in arrival.refused

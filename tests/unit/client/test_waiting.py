"""Waiting for a status of a message ends as soon as it is clear how it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from chatgrow_client import (
    MessageEndedError,
    MessageWaitError,
    NotFoundError,
    RetryPolicy,
    WaitTimeoutError,
)
from chatgrow_client.groups.messages import Messages
from chatgrow_client.models import MessageStatus, MessageView
from chatgrow_client.transports import SyncTransport
from tests.unit.client.playing import Stage, problem

MINUTE = timedelta(minutes=1)
STATUSES = ["queued", "sending", "sent", "delivered", "read"]


def _message(status: str, **more: str) -> httpx.Response:
    told = {
        "messageId": "m",
        "direction": "out",
        "connectionId": "main",
        "owner": "o",
        "to": "972501234567@c.us",
        "status": status,
        "priority": "normal",
        "attempts": 1,
        "queuedAt": "2026-10-31T10:00:00Z",
    }
    return httpx.Response(200, json=told | more)


def _wait(stage: Stage, wanted: Any = "delivered", timeout: timedelta = MINUTE) -> MessageView:
    repeater = stage.repeater(RetryPolicy(tries=3))
    messages = Messages(SyncTransport(httpx.Client(), repeater))
    describe = Messages.wait_until._describe
    return stage.play(describe(messages, "m", wanted, timeout=timeout))


@pytest.mark.parametrize("wanted", STATUSES)
@pytest.mark.parametrize("status", STATUSES)
def test_a_message_that_is_as_far_or_further_is_returned(wanted: str, status: str) -> None:
    stage = Stage([_message(status), _message("read")])
    found = _wait(stage, wanted)
    there = STATUSES.index(status) >= STATUSES.index(wanted)
    assert found.status == (status if there else "read")


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_an_end_is_told_at_once(end: str) -> None:
    stage = Stage([_message("queued"), _message(end, reason="not_on_whatsapp")])
    with pytest.raises(MessageEndedError, match=f"{end}: not_on_whatsapp") as raised:
        _wait(stage)
    assert raised.value.message.status == end
    assert len(stage.sent) == 2


def test_an_unknown_message_may_still_arrive() -> None:
    stage = Stage([_message("unknown"), _message("delivered")])
    assert _wait(stage).status is MessageStatus.DELIVERED


def test_waiting_ends_in_time() -> None:
    stage = Stage([_message("sent")])
    with pytest.raises(MessageWaitError, match="it is sent") as raised:
        _wait(stage)
    assert isinstance(raised.value, TimeoutError)
    assert stage.now() == MINUTE.total_seconds()
    assert max(stage.pauses) == timedelta(seconds=5)


def test_an_api_that_is_away_is_waited_for() -> None:
    stage = Stage([*[problem(503, "store_unavailable")] * 7, _message("delivered")])
    assert _wait(stage).status is MessageStatus.DELIVERED


def test_an_api_that_stays_away_is_a_timeout() -> None:
    stage = Stage([httpx.ConnectError("refused")])
    with pytest.raises(WaitTimeoutError, match="no answer"):
        _wait(stage)
    assert stage.now() <= MINUTE.total_seconds()


def test_a_message_that_is_not_there_is_told() -> None:
    with pytest.raises(NotFoundError):
        _wait(Stage([problem(404, "message_not_found")]))


def test_a_reaction_is_never_delivered() -> None:
    with pytest.raises(ValueError, match="ends as sent"):
        _wait(Stage([_message("sent", kind="reaction")]))
    assert _wait(Stage([_message("sent", kind="reaction")]), "sent").status == "sent"


def test_nobody_can_wait_for_a_failure() -> None:
    with pytest.raises(ValueError, match="Wait for one of"):
        _wait(Stage([_message("sent")]), "failed")

"""What a connection's state means to whoever holds the phone."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from control_api.pages.languages import Language, Texts
from control_api.phone_linking.link_stages import Stage, stage_of
from sessions.common.clock import utc_now
from sessions.connections.model import Connection, LeaseHolder, QrCode
from sessions.connections.states import ConnectionState, Reason

NOW = utc_now()
LATER = NOW + timedelta(minutes=1)
_S = ConnectionState


def _connection(
    state: ConnectionState, reason: Reason | None = None, *, qr: bool = False, number: str = ""
) -> Connection:
    return Connection(
        id="01aaaaaaaaaaaaaaaaaaaaaaaa",
        owner="admin",
        connection_id="main",
        name="Main",
        state=state,
        reason=reason,
        since=NOW,
        lease=LeaseHolder(worker="one", instance="one", expires_at=LATER),
        leased=True,
        qr=QrCode(code="2@ref", expires_at=LATER) if qr else None,
        linked_number=number or None,
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("connection", "stage"),
    [
        (_connection(_S.STARTING, Reason.BROWSER_STARTING), Stage.STARTING),
        (_connection(_S.STARTING, Reason.WAITING_FOR_WORKER), Stage.STARTING),
        (_connection(_S.AWAITING_SCAN, Reason.QR_SHOWN, qr=True), Stage.SCAN),
        (_connection(_S.AWAITING_SCAN, Reason.QR_IDLE), Stage.STARTING),
        (_connection(_S.PASSKEY_REQUIRED, Reason.PASSKEY_WANTED), Stage.PASSKEY),
        (_connection(_S.SYNCING, Reason.LOADING_CHATS), Stage.FINISHING),
        (_connection(_S.CONNECTED), Stage.LINKED),
        (_connection(_S.DEGRADED, Reason.SENDS_UNACKNOWLEDGED), Stage.LINKED),
        (_connection(_S.DISCONNECTED, Reason.NETWORK_DOWN), Stage.AWAY),
        (_connection(_S.DISCONNECTED, Reason.NETWORK_DOWN, number="+9725"), Stage.RETURNING),
        (_connection(_S.STARTING, Reason.PAGE_LOADING, number="+9725"), Stage.RETURNING),
        (_connection(_S.DISCONNECTED, Reason.TEMPORARILY_BANNED, number="+9725"), Stage.BLOCKED),
        (_connection(_S.DISCONNECTED, Reason.DISK_FULL), Stage.FAILED),
        (_connection(_S.STOPPED, Reason.QR_NOT_SCANNED), Stage.ASLEEP),
        (_connection(_S.LOGGED_OUT, Reason.UNLINKED, number="+9725"), Stage.ASLEEP),
        (_connection(_S.STOPPED), Stage.OFF),
    ],
)
def test_each_state_means_something_to_do_or_to_wait_for(
    connection: Connection, stage: Stage
) -> None:
    assert stage_of(connection, NOW, workers=1) is stage


def test_a_code_that_is_over_is_not_shown() -> None:
    shown = _connection(_S.AWAITING_SCAN, Reason.QR_SHOWN, qr=True)
    assert stage_of(shown, LATER, workers=1) is Stage.STARTING


def test_waiting_for_a_worker_is_said_at_once_without_any_and_soon_with_some() -> None:
    waiting = _connection(_S.STARTING, Reason.WAITING_FOR_WORKER)
    assert stage_of(waiting, NOW, workers=0) is Stage.NO_WORKER
    assert stage_of(waiting, NOW, workers=1) is Stage.STARTING
    assert stage_of(waiting, LATER, workers=1) is Stage.NO_WORKER


@pytest.mark.parametrize("language", list(Language))
def test_every_state_with_every_reason_has_words(language: Language) -> None:
    texts = Texts.load(language).by_key
    in_the_frame = {Stage.STARTING, Stage.SCAN, Stage.ASLEEP}
    for state, reason in itertools.product(ConnectionState, [None, *Reason]):
        stage = stage_of(_connection(state, reason), NOW, workers=0)
        assert stage in in_the_frame or f"link.stage.{stage}.title" in texts

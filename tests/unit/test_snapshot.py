"""What the signs of a page mean together."""

from typing import Any

import pytest

from chatgrow_worker.page.snapshot import Ban, PageState, Snapshot

_MAIN: dict[str, Any] = {
    "epoch": "e",
    "ready": True,
    "fullReady": True,
    "authenticated": True,
    "online": True,
    "idle": False,
    "needsUpdate": False,
    "mode": "MAIN",
    "info": "NORMAL",
    "socket": "CONNECTED",
    "stream": "CONNECTED",
    "commsStopped": False,
    "me": "972501234567:3@c.us",
}


@pytest.mark.parametrize(
    ("signs", "state"),
    [
        ({}, PageState.READY),
        ({"ready": False}, PageState.LOADING),
        ({"mode": None}, PageState.LOADING),
        ({"fullReady": False}, PageState.LOADING),
        ({"authenticated": False}, PageState.LOADING),
        ({"online": False}, PageState.OFFLINE),
        ({"mode": "OFFLINE"}, PageState.OFFLINE),
        # wa-js calls the QR screen "main ready" too: the mode decides.
        ({"mode": "QR", "authenticated": False}, PageState.QR),
        ({"mode": "QR", "authenticated": False, "idle": True}, PageState.QR_IDLE),
        # Before it uses its stored login, a page may show the QR screen for a moment.
        ({"mode": "QR"}, PageState.LOADING),
        ({"mode": "QR", "idle": True}, PageState.LOADING),
        ({"mode": "SYNCING"}, PageState.SYNCING),
        # A dead line changes nothing of what wa-js tells.
        ({"stream": "DISCONNECTED"}, PageState.LINE_DEAD),
        ({"stream": None}, PageState.LINE_DEAD),
        ({"info": "OPENING", "socket": "OPENING", "stream": "DISCONNECTED"}, PageState.LINE_DEAD),
        ({"info": "RESUMING", "socket": "PAIRING"}, PageState.LINE_DEAD),
        ({"stream": "DISCONNECTED", "fullReady": False}, PageState.LINE_DEAD),
        ({"stream": "DISCONNECTED", "online": False}, PageState.OFFLINE),
        # Only the server's word that another browser has the login stops the comms for good.
        ({"stream": "DISCONNECTED", "commsStopped": True}, PageState.REPLACED),
        ({"commsStopped": True}, PageState.READY),
        (
            {"info": "OPENING", "socket": "OPENING", "stream": "DISCONNECTED"}
            | {"commsStopped": True},
            PageState.LINE_DEAD,
        ),
        # A newer version is there, but this one works: it is opened anew when idle.
        ({"needsUpdate": True}, PageState.READY),
        ({"ban": {"code": 101, "until": 1.8e12}}, PageState.BANNED),
        # Before wa-js is ready, too: the login is refused again and again.
        ({"ready": False, "ban": {"code": 101, "until": 1.8e12}}, PageState.BANNED),
        # Nothing is sent into a page that wipes its login, whatever else it shows.
        ({"leaving": True}, PageState.LEAVING),
        ({"leaving": True, "mode": "QR", "authenticated": False}, PageState.LEAVING),
        ({"mode": "QR", "authenticated": False, "passkey": True}, PageState.PASSKEY),
        ({"mode": "SOMETHING_NEW"}, PageState.LOADING),
    ],
)
def test_signs_mean_a_state(signs: dict[str, Any], state: PageState) -> None:
    assert Snapshot.model_validate(_MAIN | signs).state is state


@pytest.mark.parametrize(
    ("me", "number"),
    [
        ("972501234567:3@c.us", "+972501234567"),
        ("972501234567@c.us", "+972501234567"),
        ("123456789012345@lid", None),
        (None, None),
    ],
)
def test_the_linked_number_is_read_from_the_users_id(me: str | None, number: str | None) -> None:
    assert Snapshot.model_validate(_MAIN | {"me": me}).number == number


@pytest.mark.parametrize(
    ("told", "code"), [(101, 101), (101.0, 101), (float("nan"), None), ("odd", None)]
)
def test_a_ban_holds_whatever_its_code(told: object, code: int | None) -> None:
    assert Ban.model_validate({"code": told, "until": 1.0}).code == code

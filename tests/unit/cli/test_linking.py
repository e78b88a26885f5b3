"""A phone is linked by codes that are renewed, and it ends when it is connected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from chatgrow_cli import linking
from chatgrow_cli.exit_codes import ExitCode
from tests.command_line import over, problem


def _later() -> str:
    return (datetime.now(UTC) + timedelta(minutes=1)).isoformat()


class Api:
    """An API with one connection, whose states and codes are given one after the other."""

    def __init__(self, states: list[str], codes: list[str]) -> None:
        self._states: Iterator[str] = iter(states)
        self._codes: Iterator[str] = iter(codes)
        self._state = ""
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        where = request.url.path.removeprefix("/api/whatsapp/connections")
        self.asked.append(f"{request.method} {where}")
        if where == "":
            return httpx.Response(201, json=self._view() | json.loads(request.content))
        if where.endswith("/status"):
            self._state = next(self._states)
        if where.endswith("/qr") and request.url.params["format"] == "ascii":
            return httpx.Response(200, text="█▀█\n█▄█\n")
        if where.endswith(("/qr", "/pairing-code")):
            code = next(self._codes, None)
            if code is None:
                return problem(409, "no_qr_code", state=self._state)
            return httpx.Response(200, json={"code": code, "expiresAt": _later()})
        if where == "/main" and self._state == "":
            return problem(404, "connection_not_found")
        return httpx.Response(200, json=self._view())

    def _view(self) -> dict[str, object]:
        rests = self._state in ("stopped", "logged_out")
        return {
            "connectionId": "main",
            "name": "Main",
            "owner": "o",
            "createdAt": _later(),
            "pacing": {"enabled": False},
            "state": self._state or "starting",
            "since": _later(),
            "actsNext": "phone",
            "allowedCommands": ["start"] if rests else ["link"],
            "phoneNumber": "+972501234567",
            "queue": {"queued": 0},
        }


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "_LOOK_EVERY", timedelta(0))


def test_a_connection_is_created_and_its_codes_are_shown_until_it_is_connected(
    tmp_path: Path,
) -> None:
    states = ["starting", "awaiting_scan", "awaiting_scan", "awaiting_scan", "awaiting_scan"]
    api = Api([*states, "syncing", "connected", "connected"], ["one", "one", "two"])
    ran = over(tmp_path, api).run("link", "main", "--json")
    assert ran.code == ExitCode.DONE
    assert api.asked[:2] == ["GET /main", "POST "]
    shown = [(each["state"], each.get("code")) for each in ran.lines]
    assert shown == [
        ("starting", None),
        ("awaiting_scan", "one"),
        ("awaiting_scan", "two"),
        ("awaiting_scan", None),
        ("syncing", None),
        ("connected", None),
    ]


def test_without_a_terminal_each_code_is_drawn_once(tmp_path: Path) -> None:
    api = Api(["awaiting_scan"] * 3 + ["connected"] * 2, ["one", "one"])
    ran = over(tmp_path, api).run("link", "main")
    assert ran.out.count("█▀█\n█▄█\n") == 1
    assert "Linked devices" in ran.out
    assert ran.out.endswith("Connected: main sends as +972501234567.\n")


def test_a_stopped_connection_is_started_and_a_pairing_code_is_asked_for_once(
    tmp_path: Path,
) -> None:
    api = Api(["stopped", "starting", *["awaiting_scan"] * 3, *["connected"] * 2], ["ABCD-1234"])
    ran = over(tmp_path, api).run("link", "main", "--phone", "+972501234567")
    assert ran.code == ExitCode.DONE
    assert api.asked.count("POST /main/start") == 1
    assert api.asked.count("POST /main/pairing-code") == 1
    assert "Type this code: ABCD-1234" in ran.out


def test_a_connection_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    ran = over(tmp_path, Api(["starting", "logged_out"], [])).run("link", "main")
    assert ran.code == ExitCode.REFUSED
    assert "main ended" in ran.err


def test_nobody_scans_in_time(tmp_path: Path) -> None:
    api = Api(["awaiting_scan"] * 2, ["one"])
    ran = over(tmp_path, api).run("link", "main", "--timeout", "0s")
    assert ran.code == ExitCode.NOT_IN_TIME
    assert "waiting for a phone" in ran.err

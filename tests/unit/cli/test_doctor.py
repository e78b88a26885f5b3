"""The doctor names what is wrong and what to do, also where the API itself is in trouble."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatgrow_cli.exit_codes import ExitCode
from tests.command_line import over, problem

Change = dict[str, Any]


def _health(**changes: Any) -> Change:
    checks = {"mongo": "ok", "redis": "ok", "workers": 1, "disk": "ok"} | changes.pop("checks", {})
    return {"status": "ok", "version": "9.9", "whatsapp": "ok", "checks": checks} | changes


def _connection(**changes: Any) -> Change:
    now = datetime.now(UTC).isoformat()
    return {
        "connectionId": "main",
        "name": "Main",
        "owner": "o",
        "createdAt": now,
        "pacing": {},
        "state": "connected",
        "since": now,
        "actsNext": "nobody",
        "allowedCommands": [],
        "page": {"version": "2.3000.1", "loadedAt": now},
        "queue": {"queued": 0},
    } | changes


def _worker(**changes: Any) -> Change:
    return {
        "worker": "one",
        "alive": True,
        "running": 1,
        "capacity": 10,
        "version": "9.9",
        "seenAt": datetime.now(UTC).isoformat(),
        "disk": "ok",
    } | changes


def _api(
    health: Change | None = None,
    connection: Change | None = None,
    worker: Change | None = None,
    logs: str = "",
    clock: timedelta = timedelta(0),
    **others: httpx.Response,
) -> Callable[[httpx.Request], httpx.Response]:
    told = health or _health()
    at = datetime.now(UTC) + clock
    record = {"time": at.isoformat(), "level": "error", "process": "worker", "message": logs}
    answers = {
        "/health": httpx.Response(503 if told.get("away") else 200, json=told),
        "/api/auth/me": httpx.Response(
            200, json={"owner": "o", "role": "admin", "scopes": ["send", "read", "manage"]}
        ),
        "/api/workers": httpx.Response(200, json={"items": [worker or _worker()]}),
        "/api/whatsapp/connections": httpx.Response(
            200, json={"items": [connection or _connection()]}
        ),
        "/api/logs": httpx.Response(200, json={"items": [record] if logs else []}),
        "/api/webhooks": httpx.Response(200, json={"items": []}),
    } | {f"/{path.replace('__', '/')}": answer for path, answer in others.items()}

    def answer(request: httpx.Request) -> httpx.Response:
        given = answers[request.url.path]
        # The answers are made long before the test that asks for them runs.
        given.headers["Date"] = format_datetime(datetime.now(UTC) + clock, usegmt=True)
        return given

    return answer


def test_all_is_well(tmp_path: Path) -> None:
    ran = over(tmp_path, _api()).run("doctor", "--json")
    assert ran.code == ExitCode.DONE
    assert ran.json["ok"] is True
    results = {each["check"]: each["result"] for each in ran.json["checks"]}
    assert {name for name, result in results.items() if result != "ok"} == {"the server's machine"}
    assert results["the server's machine"] == "unknown"


@pytest.mark.parametrize(
    ("answers", "check", "told", "todo"),
    [
        (
            _api(_health(away=["mongo"], whatsapp=None, checks={"mongo": "down"})),
            "MongoDB",
            "down",
            "MONGODB_URI",
        ),
        (_api(_health(away=["workers"], checks={"workers": 0})), "workers", "none", "Start"),
        (_api(_health(away=["disk"], checks={"disk": "disk_full"})), "disk", "full", "room"),
        (_api(_health(whatsapp="changed")), "WhatsApp's page", "changed", "wa-js"),
        (
            _api(connection=_connection(state="disconnected", reason="browser_unavailable")),
            "browser",
            "does not start for main",
            "log",
        ),
        (_api(logs="No usable sandbox! Update your kernel"), "sandbox", "logs", "namespaces"),
        (_api(clock=timedelta(hours=-1)), "clocks", "s ahead of the API", "NTP"),
    ],
)
def test_what_is_bad_is_named_with_what_to_do(
    tmp_path: Path, answers: Any, check: str, told: str, todo: str
) -> None:
    ran = over(tmp_path, answers).run("doctor", "--json")
    assert ran.code == ExitCode.REFUSED
    found = {each["check"]: each for each in ran.json["checks"]}[check]
    assert found["result"] == "bad"
    assert told in found["found"]
    assert todo in found["todo"]


@pytest.mark.parametrize(
    ("answers", "code", "told"),
    [
        (_api(health__live=httpx.Response(200), health=None), ExitCode.DONE, "ok    the API"),
        (
            _api(api__auth__me=problem(401, "unauthorized")),
            ExitCode.NOT_ALLOWED,
            "bad   the key: is refused",
        ),
        (
            lambda _: httpx.Response(421, json={"code": "host_not_allowed"}),
            ExitCode.NOT_REACHED,
            "PUBLIC_URL",
        ),
        (lambda _: httpx.Response(200, text="<h1>"), ExitCode.NOT_REACHED, "not as ChatGrow does"),
    ],
)
def test_the_exit_code_says_what_is_bad_first(
    tmp_path: Path, answers: Any, code: int, told: str
) -> None:
    ran = over(tmp_path, answers).run("doctor")
    assert ran.code == code
    assert told in ran.out


def test_what_a_key_may_not_see_is_not_known(tmp_path: Path) -> None:
    refused = problem(403, "forbidden")
    answers = _api(api__workers=refused, api__logs=refused, api__webhooks=refused)
    ran = over(tmp_path, answers).run("doctor")
    assert ran.code == ExitCode.DONE
    assert "?     sandbox: not told to this key" in ran.out

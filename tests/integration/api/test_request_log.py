"""The line that each request leaves in the API's log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.logging_setup import lines_of, log_settings, logging_as

if TYPE_CHECKING:
    from sessions.storage.mongo import Database
    from tests.builders import Stores
    from tests.integration.conftest import Client

NUMBER = "972501234567"


async def test_a_request_leaves_one_line_that_says_what_was_asked_and_how_it_went(
    client: Client, stores: Stores, tmp_path: Path
) -> None:
    await stores.connection()
    with logging_as(log_settings(tmp_path)) as file:
        await client.get("/api/whatsapp/connections/main/status?owner=admin")
        await client.get(f"/api/whatsapp/connections/{NUMBER}", headers={"X-Api-Key": "no"})
        await client.get(f"/nowhere/{NUMBER}?secret={NUMBER}")
        await client.request("PROPFIND", "/api")
        for path in ("/health", "/health/live", "/health/ready", "/metrics"):
            await client.get(path)
    lines = lines_of(file)
    assert [line["message"].rpartition(" in ")[0] for line in lines] == [
        "GET /api/whatsapp/connections/{id}/status 200",
        "GET /api/whatsapp/connections/{id} 401",
        "GET (none) 404",
        "(other) (none) 405",
    ]
    first, second = lines[:2]
    assert {name: first[name] for name in ("method", "path", "status", "owner", "connection")} == {
        "method": "GET",
        "path": "/api/whatsapp/connections/{id}/status",
        "status": 200,
        "owner": "admin",
        "connection": "main",
    }
    assert 0 < first["durationMs"] < 60_000
    assert "owner" not in second
    assert second["connection"] == "***567"
    assert NUMBER not in file.read_text()


async def test_an_accepted_message_is_named_and_its_text_and_recipient_are_not(
    client: Client, stores: Stores, tmp_path: Path
) -> None:
    await stores.connection()
    body = {"connectionId": "main", "to": f"+{NUMBER}", "message": "distinctive words"}
    with logging_as(log_settings(tmp_path, log_level="debug")) as file:
        accepted = await (await client.post("/api/whatsapp/send", json=body)).json()
        await client.post("/api/whatsapp/send", json={**body, "to": "+97250"})
    queued = [line for line in lines_of(file) if line["message"] == "Message queued"]
    assert [(line["connection"], line["messageId"]) for line in queued] == [
        ("main", accepted["messageId"])
    ]
    text = file.read_text()
    assert "distinctive" not in text
    assert NUMBER not in text


async def test_what_nobody_expected_is_told_with_its_traceback_and_its_request(
    client: Client, stores: Stores, database: Database, tmp_path: Path
) -> None:
    connection = await stores.connection()
    broken: dict[str, Any] = {"$set": {"pacing": f"not a pace, +{NUMBER}"}}
    await database["connections"].update_one({"_id": connection.id}, broken)
    await database["connections"].update_one({"_id": connection.id}, {"$unset": {"since": 1}})
    with logging_as(log_settings(tmp_path)) as file:
        answer = await client.get("/api/whatsapp/connections/main")
    assert answer.status >= 400
    assert NUMBER not in file.read_text()
    assert lines_of(file)[-1]["status"] == answer.status

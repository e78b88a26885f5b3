"""Use the command line as an operator does: against the API itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command_line import CommandLine
from tests.integration.conftest import KEY

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from tests.integration.cli.conftest import Run

TO = "+972501234567"
PERSON = {"email": "dana@example.com", "password": "correct horse battery"}


@pytest.fixture
async def main(client: TestClient[web.Request, web.Application]) -> str:
    """Give a test its only connection."""
    async with client.post(
        "/api/whatsapp/connections", json={"connectionId": "main", "name": "דלפק"}
    ) as made:
        assert made.status == 201
    return "main"


async def test_a_key_is_checked_before_it_is_kept(run: Run, shell: CommandLine) -> None:
    address = shell.environ.pop("CHATGROW_URL")
    shell.environ.clear()
    refused = await run("login", address, "--key-file", "-", typed="a wrong key\n")
    assert refused.code == 4
    assert not shell.folder.exists()
    kept = await run("login", address, typed=f"{KEY}\n")
    assert kept.code == 0
    assert KEY not in kept.out + kept.err
    assert (await run("connections", "--json")).json == []


async def test_a_login_that_cannot_be_read_is_replaced_or_forgotten(
    run: Run, shell: CommandLine
) -> None:
    address = shell.environ.pop("CHATGROW_URL")
    shell.environ.clear()
    shell.folder.mkdir()
    for command in (("logout",), ("login", address.removeprefix("http://"))):
        (shell.folder / "login.json").write_text('{"url":')
        assert (await run("connections")).code == 1
        assert (await run(*command, typed=f"{KEY}\n")).code == 0
    assert (await run("connections", "--json")).json == []


async def test_a_password_makes_a_key_which_the_logout_revokes(
    run: Run, shell: CommandLine, client: TestClient[web.Request, web.Application]
) -> None:
    async with client.post("/api/auth/register", json=PERSON | {"setupToken": KEY}) as registered:
        assert registered.status == 201
    address = shell.environ["CHATGROW_URL"]
    shell.environ.clear()
    login = ("login", address, "--email", PERSON["email"])
    assert (await run(*login, typed="a wrong password\n")).code == 4
    assert (await run(*login, typed=PERSON["password"] + "\n")).code == 0
    made = json.loads((shell.folder / "login.json").read_text())
    assert (await run("connections")).code == 0
    # Another login replaces the key of the one before.
    assert (await run(*login, typed=PERSON["password"])).code == 0
    async with client.get("/api/api-keys") as listed:
        ids = [each["id"] for each in (await listed.json())["items"]]
    assert made["key_id"] not in ids
    left = await run("logout", "--json")
    told = {"loggedOut": True, "url": address, "keyRevoked": True}
    assert (left.code, left.json) == (0, told)
    async with client.get("/api/api-keys") as listed:
        assert len((await listed.json())["items"]) == len(ids) - 1
    assert (await run("connections")).code == 4
    assert (await run("logout", "--json")).json == {"loggedOut": False}


async def test_connections_are_told_in_plain_words(run: Run, main: str) -> None:
    header, row = (await run("connections")).out.splitlines()
    told = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert told["STATE"] == "starting"
    assert told["NAME"] == "דלפק"
    one = await run("connections", main, "--json")
    assert one.json["connectionId"] == main


async def test_a_text_is_sent_once_under_its_key(run: Run, main: str) -> None:
    sent = [await run("send", TO, "--key", "order 17", "--json", typed="שלום\n") for _ in range(2)]
    assert sent[0].json["messageId"] == sent[1].json["messageId"]
    story = await run("messages", sent[0].json["messageId"])
    assert "text:       שלום\n" in story.out
    assert f"to:         {TO}\n" in story.out
    assert "its connection is starting" in story.out
    late = await run("send", TO, "Hello", "--wait", "sent", "--timeout", "0s")
    assert late.code == 5


async def test_a_file_is_sent_and_repeated_exactly_under_a_key(
    run: Run, main: str, tmp_path: Path
) -> None:
    file = tmp_path / "menu.txt"
    file.write_text("Falafel")
    sent = [await run("send", TO, "--file", str(file), "--key", "menu", "--json") for _ in range(2)]
    assert sent[0].json == sent[1].json
    uploaded = await run("send", TO, "Our menu", "--file", str(file), "--as", "document", "--json")
    shown = (await run("messages", uploaded.json["messageId"], "--json")).json
    assert shown["media"]["filename"] == "menu.txt"
    assert shown["text"] == "Our menu"


async def test_a_large_file_is_sent_once_under_its_key_and_another_one_is_refused(
    run: Run, main: str, tmp_path: Path
) -> None:
    file = tmp_path / "menu.bin"
    file.write_bytes(bytes(17 * 1024 * 1024))
    send = ("send", TO, "--file", str(file), "--key", "menu", "--json")
    sent = [await run(*send) for _ in range(2)]
    assert sent[0].json["messageId"] == sent[1].json["messageId"]
    file.write_bytes(bytes(18 * 1024 * 1024))
    refused = await run(*send)
    assert refused.code == 1
    assert "idempotency_key_reused" in refused.err
    assert len((await run("messages", "--json")).json) == 1


async def test_a_table_is_sent_once_however_often_it_is_given(
    run: Run, main: str, tmp_path: Path
) -> None:
    table = tmp_path / "customers.csv"
    table.write_text(f"to;text;reference\n{TO};Hello Dana;17\n{TO};Hello Noa;18\n")
    send = ("send", "--csv", str(table))
    looked_at = await run(*send, "--dry-run", "--json")
    assert looked_at.json["count"] == 2
    assert (await run(*send)).code == 2  # nobody can be asked
    assert (await run("messages", "--json")).json == []
    sent = await run(*send, "--yes", "--json")
    assert [(each["line"], each["status"]) for each in sent.json["messages"]] == [
        (2, "queued"),
        (3, "queued"),
    ]
    again = await run(*send, "--yes", "--json")
    assert again.json == sent.json
    assert "not sent again" in again.err
    assert len((await run("messages", "--json")).json) == 2
    assert len((await run("messages", "--reference", "17", "--json")).json) == 1


async def test_a_table_with_a_wrong_number_sends_nothing(
    run: Run, main: str, tmp_path: Path
) -> None:
    table = tmp_path / "customers.csv"
    table.write_text(f"to,text\n{TO},Hello\n\nnobody,Hello\n")
    refused = await run("send", "--csv", str(table), "--yes")
    assert refused.code == 1
    assert "line 4: to: " in refused.err
    assert (await run("messages", "--json")).json == []


async def test_a_failed_message_has_to_be_named_to_be_retried(run: Run, main: str) -> None:
    accepted = await run("send", TO, "Hello", "--json")
    refused = await run("retry", accepted.json["messageId"])
    assert refused.code == 1
    assert "wrong_status" in refused.err
    assert (await run("retry", "--all", "--json")).json == {"items": []}


async def test_a_webhook_is_created_with_its_secret_in_a_file(
    run: Run, shell: CommandLine, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    made = await run(
        *("webhooks", "create", "https://example.com/hook", "--event", "message.received"),
        *("--secret-file", str(secret)),
    )
    assert made.code == 0, made.err
    assert secret.read_text().startswith("whsec_")
    assert secret.read_text().strip() not in made.out
    _, row = (await run("webhooks", "list")).out.splitlines()
    assert row.split("\t")[1:] == ["on", "message.received", "https://example.com/hook"]
    webhook = row.split("\t")[0]
    assert (await run("webhooks", "deliveries", webhook, "--json")).json == []
    assert (await run("webhooks", "redrive", webhook, "--json")).json == {"redriven": 0}


async def test_the_doctor_tells_what_is_missing(run: Run, main: str) -> None:
    ran = await run("doctor")
    assert ran.code == 1
    assert "bad   workers: none is alive" in ran.out
    assert "ok    the key: is good: admin" in ran.out

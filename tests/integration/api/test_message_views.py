"""What the views of messages show of their content, and which fields are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.encryption.keys import Key, KeyRing
from sessions.messages.model import StoredText
from sessions.messages.sealed_texts import TextSealer
from tests.builders import Stores
from tests.cases import in_one_test

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    Client = TestClient[web.Request, web.Application]

MESSAGES = "/api/whatsapp/messages"
TO = "+972501234567"
PLACE = {"latitude": 32.08, "longitude": 34.78, "name": "The shop"}


async def _send(client: Client, **content: object) -> str:
    body = {"connectionId": "main", "to": TO, **content}
    answer = await client.post("/api/whatsapp/send", json=body)
    assert answer.status == 202, await answer.text()
    return str((await answer.json())["messageId"])


async def _get(client: Client, path: str) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    shown: dict[str, Any] = await answer.json()
    return shown


async def test_a_view_shows_what_a_message_says(client: Client, stores: Stores) -> None:
    await stores.connection()
    text = await _send(client, message="Hello")
    place = await _send(client, location=PLACE)
    shown = await _get(client, f"{MESSAGES}/{text}")
    assert (shown["direction"], shown["kind"], shown["text"]) == ("out", "text", "Hello")
    newest, _ = (await _get(client, MESSAGES))["items"]
    assert newest["messageId"] == place
    assert (newest["kind"], newest["location"]) == ("location", PLACE)
    assert "text" not in newest


@pytest.mark.parametrize("path", [MESSAGES, f"{MESSAGES}/{{id}}"])
async def test_only_the_named_fields_are_shown_besides_those_that_all_have(
    client: Client, stores: Stores, path: str
) -> None:
    await stores.connection()
    shown = await _get(
        client, f"{path.format(id=await _send(client, message='Hello'))}?fields=kind"
    )
    (view,) = shown.get("items", [shown])
    assert view["kind"] == "text"
    assert view.keys() >= {"messageId", "status", "to"}
    assert not view.keys() & {"text", "waiting"}


@in_one_test("fields", ["txt", "text,txt", "text,", "messageId", "text text"])
async def test_fields_that_cannot_be_left_out_are_refused(client: Client, fields: str) -> None:
    assert (await client.get(f"{MESSAGES}?fields={fields}")).status == 422


async def test_a_text_whose_key_is_not_here_is_left_out(client: Client, stores: Stores) -> None:
    await stores.connection()
    message = await _send(client, message="Hello")
    sealer = TextSealer(KeyRing([Key("elsewhere", b"1" * 32)]), on=True)
    sealed: StoredText = sealer.seal("Hello", message, "text")
    assert not isinstance(sealed, str)
    text = {"text": sealed.model_dump(by_alias=True)}
    await stores.database["messages"].update_one({"_id": message}, {"$set": text})
    shown = await _get(client, f"{MESSAGES}/{message}")
    assert shown["status"] == "queued"
    assert "text" not in shown

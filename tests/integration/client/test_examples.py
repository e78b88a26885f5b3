"""The examples of the client work."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import django
import httpx
import pytest
from django.conf import settings
from django.test import RequestFactory
from standardwebhooks.webhooks import Webhook

import chatgrow_client
from tests.integration.conftest import KEY

EXAMPLES = Path(__file__).parents[3] / "client/examples"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOLD = json.dumps(
    {"type": "message.status", "timestamp": "2026-10-31T10:00:00Z", "data": {"messageId": "m"}}
)
TO = "+972501234567"
Load = Callable[[str], Any]


@pytest.fixture
async def address(address: str, chatgrow: chatgrow_client.AsyncClient) -> str:
    """Give a test the address of an API that has the connection of the examples."""
    await chatgrow.connections.create("main")
    return address


@pytest.fixture
def load(address: str, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Give a test what loads an example, with its settings in the environment."""
    monkeypatch.setenv("CHATGROW_URL", address)
    monkeypatch.setenv("CHATGROW_KEY", KEY)
    monkeypatch.setenv("CHATGROW_WEBHOOK_SECRET", SECRET)

    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # FastAPI looks up the types of handlers in their module.
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return loaded


def _signed(body: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "webhook-id": "event.1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("event.1", now, body),
    }


async def test_fastapi(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("fastapi_app")
    transport = httpx.ASGITransport(app=example.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as person:
        sent = [await person.post("/reminders/17", params={"to": TO}) for _ in range(2)]
        assert [each.status_code for each in sent] == [202, 202]
        assert sent[0].json() == sent[1].json()
        told = await person.post("/webhook", content=TOLD, headers=_signed(TOLD))
        assert told.status_code == 204
        assert capsys.readouterr().out == "message.status {'messageId': 'm'}\n"
        forged = await person.post("/webhook", content=TOLD + " ", headers=_signed(TOLD))
        assert forged.status_code == 401
    await example.chatgrow.aclose()


async def test_django(load: Load, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8", SECRET_KEY="-")
        django.setup()
    settings.CHATGROW_URL, settings.CHATGROW_KEY = address, KEY
    settings.CHATGROW_WEBHOOK_SECRET = SECRET
    example = load("django_views")
    requests = RequestFactory()
    asked = [requests.post("/remind", {"to": TO, "visit": "17"}) for _ in range(2)]
    sent = [await asyncio.to_thread(example.remind, each) for each in asked]
    assert [each.status_code for each in sent] == [202, 202]
    assert sent[0].content == sent[1].content
    kind = "application/json"
    told = requests.post("/hook", TOLD, kind, headers=_signed(TOLD))
    assert example.webhook(told).status_code == 204
    assert capsys.readouterr().out == "message.status {'messageId': 'm'}\n"
    forged = requests.post("/hook", TOLD + " ", kind, headers=_signed(TOLD))
    assert example.webhook(forged).status_code == 401
    example.chatgrow.close()

"""The receiver in docs/webhooks.md works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestServer

from tests.integration.webhooks.kit import Kit
from tests.ports import LOOPBACK

if TYPE_CHECKING:
    from aiohttp import web

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"


def _example() -> web.Application:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102  this is what the page shows
    app: web.Application = names["app"]
    return app


async def test_the_example_takes_each_event_once(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook, secret = await kit.webhook("http://placeholder.test/")
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    server = TestServer(_example(), host=LOOPBACK)
    await server.start_server()
    webhook = await kit.webhooks.change(webhook, {"url": str(server.make_url("/whatsapp"))})
    body = b'{"type":"message.status","timestamp":"2030-01-31T09:00:00.000Z","data":{"a":1}}'
    for _ in range(2):
        assert (await kit.sender.send(webhook, "an-event", body)).status_code == 204
    assert capsys.readouterr().out == "message.status {'a': 1}\n"
    other, _ = await kit.webhook(str(server.make_url("/whatsapp")))
    assert (await kit.sender.send(other, "another", body)).status_code == 401
    await server.close()

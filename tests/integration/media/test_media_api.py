"""Upload and download files over HTTP: streamed, checked by owner, with ranges."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from control_api.services import Services
from sessions.media.store import MediaLimits, MediaStore
from sessions.messages.media_intake import MediaIntake
from tests.cases import in_one_test
from tests.integration.conftest import KEY
from tests.integration.services import services_with
from tests.integration.world import World, call, must

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

MEDIA = "/api/whatsapp/media"
MIB = 1024 * 1024
SEND = "/api/whatsapp/send"
NEW_CONNECTION = {"connectionId": "main", "name": "Main"}
TO_SOMEBODY = {"connectionId": "main", "to": "+972501234567"}
PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nhttp://169.254.169.254/latest\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(2 * MIB)


async def _upload(client: Client, body: Any, **headers: str) -> dict[str, Any]:
    body = io.BytesIO(body) if isinstance(body, bytes) else body
    async with client.post(MEDIA, data=body, headers=headers) as answer:
        told: dict[str, Any] = await answer.json()
        return told | {"http": answer.status, "location": answer.headers.get("Location")}


@pytest.fixture
async def small(services: Services, database: Database) -> AsyncIterator[Client]:
    """Serve an API that takes files of 1 MiB and waits a tenth of a second for a body."""
    keys = services.media._keys
    media = MediaStore(database, keys, MediaLimits(MIB, 3 * MIB, *[timedelta(days=1)] * 2))
    settings = services.settings.model_copy(update={"body_timeout": timedelta(seconds=0.1)})
    app = build_app(services_with(services, media=media, settings=settings), upkeep=False)
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        yield client


async def test_a_raw_body_is_stored_and_comes_back(client: Client) -> None:
    made = await _upload(client, PNG, **{"Content-Type": "text/html"})
    assert made["http"] == 201, made
    assert made["location"] == f"{MEDIA}/{made['mediaId']}"
    assert made["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert (made["mimetype"], made["size"]) == ("image/png", len(PNG))
    async with client.get(made["location"]) as answer:
        assert await answer.read() == PNG
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.content_length == len(PNG)
    async with client.head(made["location"]) as answer:
        assert (answer.content_length, await answer.read()) == (len(PNG), b"")


async def test_a_send_may_contain_a_file_of_some_megabytes(world: World) -> None:
    media = {"base64": base64.b64encode(bytes(17 * MIB)).decode(), "filename": "zeros.bin"}
    connection = await world.new_connection(world.dana)
    body = {"connectionId": connection, "to": "+972501234567", "media": media}
    headers = {"Content-Type": "application/json", **world.dana.headers}
    data = io.BytesIO(json.dumps(body).encode())
    async with world.client.post("/api/whatsapp/send", data=data, headers=headers) as answer:
        assert answer.status == 202, await answer.text()


@pytest.mark.parametrize("written", ["data:image/png;base64,{}", "{}", " {}\n"])
async def test_base64_may_be_a_data_url_or_stand_in_lines(world: World, written: str) -> None:
    connection = await world.new_connection(world.dana)
    picture = PNG[:100]
    lines = base64.encodebytes(picture).decode()
    media = {"base64": written.format(lines)}
    body = {"connectionId": connection, "to": "+972501234567", "media": media}
    async with world.client.post(
        "/api/whatsapp/send", json=body, headers=world.dana.headers
    ) as answer:
        assert answer.status == 202, await answer.text()
        place = answer.headers["Location"]
    async with world.client.get(place, headers=world.dana.headers) as shown:
        media = (await shown.json())["media"]
    assert (media["mimetype"], media["size"]) == ("image/png", len(picture))


async def test_a_form_names_its_file(client: Client) -> None:
    form = FormData()
    form.add_field("note", "first")
    name = "../../etc/חשבון.pdf"
    form.add_field("file", b"%PDF-1.7 x", filename=name, content_type="image/png")
    made = await _upload(client, form)
    assert (made["http"], made["mimetype"]) == (201, "application/pdf"), made
    assert made["filename"] == "חשבון.pdf"
    async with client.get(made["location"]) as answer:
        assert answer.content_disposition is not None
        assert answer.content_disposition.filename == "חשבון.pdf"


async def test_a_form_without_a_file_is_refused(client: Client) -> None:
    form = FormData()
    form.add_field("note", "nothing else", content_type="text/plain")
    refused = await _upload(client, form)
    assert (refused["http"], refused["code"]) == (400, "malformed_body")
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    refused = await _upload(client, b"--y\r\nwhatever", **broken)
    assert (refused["http"], refused["code"]) == (400, "malformed_body")
    refused = await _upload(client, b"x", **{"Content-Type": "multipart/form-data"})
    assert (refused["http"], refused["code"]) == (400, "malformed_body")


@in_one_test(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-", 5, len(PNG)),
        ("bytes=-7", len(PNG) - 7, len(PNG)),
        (f"bytes={MIB - 2}-{MIB + 2}", MIB - 2, MIB + 3),
        (f"bytes=9-{9 * MIB}", 9, len(PNG)),
    ],
)
async def test_a_part_can_be_asked_for(client: Client, asked: str, start: int, end: int) -> None:
    made = await _upload(client, PNG)
    async with client.get(made["location"], headers={"Range": asked}) as answer:
        assert answer.status == 206
        assert await answer.read() == PNG[start:end]
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(PNG)}"


@in_one_test("asked", ["bytes=9-1", "bytes=9999999-", "bytes=a-b", "bytes=-0", "bytes=-000"])
async def test_a_range_that_is_none_is_refused(client: Client, asked: str) -> None:
    made = await _upload(client, PNG)
    async with client.get(made["location"], headers={"Range": asked}) as answer:
        told = await answer.json()
        assert (answer.status, told["code"]) == (416, "range_not_satisfiable")
        assert answer.headers["Content-Range"] == f"bytes */{len(PNG)}"


async def test_a_range_in_another_unit_is_ignored(client: Client) -> None:
    made = await _upload(client, PNG)
    async with client.get(made["location"], headers={"Range": "lines=1-2"}) as answer:
        assert answer.status == 200
        assert "Content-Range" not in answer.headers
        assert await answer.read() == PNG


async def test_what_can_be_converted_is_accepted_where_conversions_are_on(
    services: Services,
) -> None:
    acceptance = replace(services.acceptance, media=MediaIntake(services.media, converts=True))
    app = build_app(services_with(services, acceptance=acceptance), upkeep=False)
    async with TestClient(TestServer(app), headers={"X-Api-Key": KEY}) as client:
        await must(client, "POST", "/api/whatsapp/connections", {}, NEW_CONNECTION)
        uploaded = (await _upload(client, b"fLaC" + bytes(100)))["mediaId"]
        media = {"mediaId": uploaded, "as": "voice"}
        accepted = await must(client, "POST", SEND, {}, {**TO_SOMEBODY, "media": media})
        path = f"/api/whatsapp/messages/{accepted.json['messageId']}"
        shown = (await must(client, "GET", path, {})).json
        assert shown["reason"] == "converting_media"
        assert shown["media"] == {"mediaId": uploaded, "as": "voice"}
        for content, kind in ((b"fLaC", "image"), (PNG, "video"), (PLAYLIST, "voice")):
            other = (await _upload(client, content))["mediaId"]
            body = {**TO_SOMEBODY, "media": {"mediaId": other, "as": kind}}
            async with client.post(SEND, json=body) as refused:
                assert (await refused.json())["code"] == "media_unsuitable"


async def test_an_empty_file_is_refused(client: Client) -> None:
    form = FormData()
    form.add_field("file", b"", filename="empty.png")
    for body in (b"", form):
        refused = await _upload(client, body)
        assert (refused["http"], refused["code"]) == (422, "media_empty")


async def test_what_is_too_large_is_told_the_limit(small: Client, database: Database) -> None:
    async def unmeasured() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(100_000)

    form = FormData()
    form.add_field("file", io.BytesIO(bytes(MIB + 1)), filename="large")
    for body in (bytes(MIB + 1), bytes(3 * MIB), unmeasured(), form):
        refused = await _upload(small, body)
        assert (refused["http"], refused["code"]) == (413, "media_too_large")
        assert refused["limit"] == MIB
        assert str(MIB) in refused["detail"]
    assert await database["media.chunks"].count_documents({}) == 0
    assert (await _upload(small, bytes(MIB)))["http"] == 201


async def test_who_drips_is_not_waited_for(small: Client, database: Database) -> None:
    async def drips() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.005)

    refused = await _upload(small, drips())
    assert (refused["http"], refused["code"]) == (408, "request_timeout")
    assert await database["media.chunks"].count_documents({}) == 0


async def test_a_quota_refuses(world: World, services: Services) -> None:
    # The world's two users have one small file each.
    limits = replace(services.media.limits, quota=500)
    object.__setattr__(services.media, "limits", limits)
    async with world.client.post(MEDIA, data=bytes(600), headers=world.dana.headers) as answer:
        told = await answer.json()
        assert (answer.status, told["code"], told["limit"]) == (409, "media_quota_exceeded", 500)


async def test_nobody_else_downloads_it(world: World) -> None:
    hers = f"{MEDIA}/{world.dana.things[MEDIA]}"
    for person, status in ((world.dana, 200), (world.admin, 200), (world.noa, 404)):
        async with world.client.get(hers, headers=person.headers) as answer:
            assert answer.status == status, person.name
    async with world.client.get(f"{MEDIA}/{'0' * 26}", headers=world.noa.headers) as answer:
        assert (await answer.json())["code"] == "media_not_found"


async def test_a_key_for_some_connections_uses_only_its_own_uploads(
    world: World, services: Services
) -> None:
    connection = await world.new_connection(world.dana)
    about = {"name": "limited", "scopes": ["send", "read"], "connectionIds": [connection]}
    made = await must(world.client, "POST", "/api/api-keys", world.dana.headers, about)
    limited = {"X-Api-Key": made.json["key"]}
    async with world.client.post(MEDIA, data=io.BytesIO(PNG), headers=limited) as answer:
        own = (await answer.json())["mediaId"]
    for media_id, status in ((own, 200), (world.dana.things[MEDIA], 404)):
        async with world.client.get(f"{MEDIA}/{media_id}", headers=limited) as answer:
            assert answer.status == status
        body = {"connectionId": connection, "to": "+972501234567", "media": {"mediaId": media_id}}
        sent = await call(world.client, "POST", "/api/whatsapp/send", limited, body)
        assert sent.status == (202 if status == 200 else 404), sent

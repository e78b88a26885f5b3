"""Files go out and come in over the whole stack: each once, whole, and also through crashes."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.stack_client import OUR_PHONE, PATIENCE, THEIR_PHONE, StackClient, stack
from tests.waiting import until

MIB = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000
OGG = b"OggS" + bytes(24) + b"OpusHead" + bytes(1000)
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(1000)
MEDIA = "/api/whatsapp/media"


async def _upload(system: StackClient, content: bytes) -> str:
    url = system.about["api"] + MEDIA
    async with system.http.post(url, data=io.BytesIO(content)) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["mediaId"])


async def _send(system: StackClient, media: dict[str, Any], **more: Any) -> str:
    body = {"connectionId": "main", "to": THEIR_PHONE, "media": media, **more}
    accepted = await system.post("/api/whatsapp/send", body)
    assert accepted["http"] == 202, accepted
    return str(accepted["messageId"])


def _inside(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.linked
async def test_files_go_out_as_what_they_are(system: StackClient) -> None:
    uploaded = await _upload(system, PNG)
    ids = [
        await _send(system, {"mediaId": uploaded}, message="a picture"),
        await _send(system, {"base64": _inside(OGG), "as": "voice"}),
        await _send(system, {"base64": _inside(WEBP), "as": "sticker"}),
        await _send(system, {"mediaId": uploaded, "as": "document", "filename": "a.png"}),
    ]
    for each in ids:
        await system.until_message(each, "read")
    entries = await system.ledger()
    assert [(each["type"], each.get("caption", "")) for each in entries] == [
        ("image", "a picture"),
        ("ptt", ""),
        ("sticker", ""),
        ("document", ""),
    ]
    hashes = [hashlib.sha256(each).hexdigest() for each in (PNG, OGG, WEBP, PNG)]
    assert [each["sha256"] for each in entries] == hashes
    shown = await system.message(ids[0])
    assert (shown["text"], shown["media"]["mediaId"]) == ("a picture", uploaded)
    assert (shown["media"]["as"], shown["media"]["mimetype"]) == ("image", "image/png")


@pytest.mark.linked
async def test_what_cannot_be_shown_as_asked_is_refused_at_once(system: StackClient) -> None:
    uploaded = await _upload(system, PNG)
    for media, code in (
        ({"mediaId": uploaded, "as": "voice"}, "media_unsuitable"),
        ({"mediaId": uploaded, "as": "sticker"}, "media_unsuitable"),
        ({"base64": _inside(b"PK\x03\x04 a bomb"), "as": "image"}, "media_unsuitable"),
        ({"mediaId": "0" * 26}, "media_not_found"),
        ({"mediaId": uploaded, "url": "https://example.org/"}, "invalid_fields"),
        ({"url": "file:///etc/passwd"}, "invalid_fields"),
    ):
        body = {"connectionId": "main", "to": THEIR_PHONE, "media": media}
        refused = await system.post("/api/whatsapp/send", body)
        assert refused.get("code") == code, refused


@pytest.mark.linked
async def test_a_url_inside_the_network_is_not_fetched(system: StackClient) -> None:
    file = {"url": f"{system.about['simulator']}/static/sw.js"}
    # To somebody else than other tests: what goes to the same person waits for it.
    inside = await _send(system, file, to="+15553334444")
    after = await system.send("passes it", to="+15551112222")
    await system.until_message(after, "read")

    async def waits_or_failed() -> bool:
        message = await system.message(inside)
        waiting = message.get("waiting") or {}
        return waiting.get("reason") == "fetching_media" or message["status"] == "failed"

    await until(waits_or_failed, within=PATIENCE)


@pytest.mark.linked
async def test_a_file_comes_in_and_can_be_sent_on(system: StackClient) -> None:
    await system.control("POST", "phones", {"number": THEIR_PHONE})
    media = {"base64": _inside(PNG), "mimetype": "image/png", "filename": "theirs.png"}
    await system.control("POST", f"phones/{THEIR_PHONE}/say", {"to": OUR_PHONE, "media": media})
    found: list[str] = []
    async with AsyncMongoClient[dict[str, Any]](system.about["mongo"]) as client:
        received = client.get_default_database()["receivedMessages"]

        async def stored() -> bool:
            found[:] = await received.distinct("media.mediaId")
            return bool(found)

        await until(stored, within=PATIENCE)
    async with system.http.get(f"{system.about['api']}{MEDIA}/{found[0]}") as answer:
        assert await answer.read() == PNG
    on = await _send(system, {"mediaId": found[0]})
    await system.until_message(on, "read")


@pytest.mark.linked
@pytest.mark.parametrize(
    "kill_after",
    [
        # `test_delivery_model.py` has kills before anything was sent.
        pytest.param("sending", marks=pytest.mark.slow),
        "uploading",
    ],
)
async def test_a_worker_that_is_killed_while_it_sends_a_large_file_sends_it_once(
    system: StackClient, kill_after: str
) -> None:
    await system.until_login_is_on_disk()
    large = PNG + bytes(20 * MIB)
    uploaded = await _upload(system, large)
    await system.control("PUT", "faults", {"uploadDelayMs": 5000})
    message_id = await _send(system, {"mediaId": uploaded, "as": "document"})

    async def begun() -> bool:
        message = await system.message(message_id)
        done = message["status"] == "sending"
        return done and (kill_after == "sending" or "whatsappId" in message)

    await until(begun, within=PATIENCE)
    os.kill(system.pid("worker-1"), signal.SIGKILL)
    await system.control("PUT", "faults", {"uploadDelayMs": None})
    await system.until_message(message_id, "read")
    [entry] = await system.ledger()
    assert entry["arrivals"] == 1
    assert entry["sha256"] == hashlib.sha256(large).hexdigest()
    (remembered,) = Path(system.about["data"]).glob("sessions/*/.temporary")
    assert list(Path(remembered.read_text()).glob("media-*")) == []


def _recorded(path: Path, source: str) -> bytes:
    """Have ffmpeg make a file from one of its test sources."""
    made = ("ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", source)
    subprocess.run([*made, str(path)], check=True, timeout=60)
    return path.read_bytes()


@pytest.mark.slow
async def test_a_film_and_a_sound_are_converted_on_their_way(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    sound = _recorded(tmp_path / "a.mp3", "sine=duration=1")
    film = _recorded(tmp_path / "a.avi", "testsrc2=duration=1")
    async with stack(*mongo_option, "--env", "MEDIA_CONVERT=true") as system:
        await system.link()
        ids = [
            await _send(system, {"mediaId": await _upload(system, content), "as": kind})
            for content, kind in ((sound, "voice"), (film, "video"))
        ]
        for each in ids:
            await system.until_message(each, "read")
        shown = [(await system.message(each))["media"] for each in ids]
        assert [each["mimetype"] for each in shown] == ["audio/ogg", "video/mp4"]
        entries = await system.ledger()
        assert {each["type"] for each in entries} == {"ptt", "video"}

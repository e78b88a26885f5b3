"""Files are converted before their messages go, each once, with a script in place of ffmpeg."""

from __future__ import annotations

import asyncio
import hashlib
import stat
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sessions.common.clock import utc_now
from sessions.media.janitor import MediaJanitor
from sessions.media.kinds import MediaKind
from sessions.messages.media_uses import MediaUses
from sessions.messages.model import CONVERTING_MEDIA, MessageStatus
from tests.builders import OWNER, Stores
from tests.integration.media.converting import Converting
from tests.rings import once
from tests.waiting import until

MP3 = b"ID3 sound"
OGG = b"OggS" + bytes(24) + b"OpusHead" + bytes(100)
_INTO = 'for target; do :; done; target="${target#file:}"'
Script = Callable[..., Converting]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a test its own folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def script(stores: Stores, tmp_path: Path) -> Script:
    """Give a test what makes converters, whose ffmpeg is a script with these lines."""
    (tmp_path / "made").write_bytes(OGG)

    def make(*lines: str, **limits: timedelta | int) -> Converting:
        program = tmp_path / "ffmpeg"
        lines = lines or (f'cat {tmp_path / "made"} > "$target"',)
        program.write_text("\n".join(["#!/bin/sh", _INTO, *lines]))
        program.chmod(stat.S_IRWXU)
        return Converting(stores, program, **limits)  # type: ignore[arg-type]

    return make


async def test_a_message_goes_with_the_converted_file(script: Script, temporary: Path) -> None:
    world = script()
    message = await world.message(MP3, MediaKind.VOICE, filename="wedding.mp3")
    assert (message.reason, message.media) == (CONVERTING_MEDIA, None)
    assert message.original is not None
    ready = await world.after(message)
    assert (ready.status, ready.reason, ready.fetch) == (MessageStatus.QUEUED, None, None)
    assert ready.media is not None
    assert (ready.media.kind, ready.media.mimetype) == (MediaKind.VOICE, "audio/ogg")
    assert ready.media.original == message.original.media_id
    stored, content = await world.file(ready)
    assert content == OGG
    assert stored.metadata.sha256 == hashlib.sha256(OGG).hexdigest()
    assert stored.metadata.converted_from == hashlib.sha256(MP3).hexdigest()
    assert world.stores.media.filename_of(stored) == "wedding.ogg"
    assert await world.files() == {stored.id, message.original.media_id}
    assert [each.id for each in world.converted] == [message.id]
    assert list(temporary.iterdir()) == []


async def test_an_original_that_was_fetched_goes_when_it_is_converted(script: Script) -> None:
    world = script()
    ready = await world.after(await world.message(MP3, MediaKind.VOICE, fetched=True))
    assert ready.media is not None
    assert ready.media.original is None
    assert await world.files() == {ready.media.media_id}


async def test_ffmpeg_sees_one_file_and_none_of_our_settings(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSION_ENCRYPTION_KEYS", "a secret")
    seen = tmp_path / "seen"
    world = script(f'{{ echo "$@"; env; cat; }} > {seen}', "exit 1")
    await world.after(await world.message(MP3, MediaKind.VOICE))
    told = seen.read_text()
    assert "-f mp3 -i file:/" in told
    assert "-protocol_whitelist file " in told
    assert "a secret" not in told


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("exit 1",), "media_not_converted"),
        (("kill -9 $$",), "media_not_converted"),
        (("exit 0",), "media_not_converted"),
        ((': > "$target"',), "media_not_converted"),
        (('echo text > "$target"',), "media_not_converted"),
        (("yes x >&2",), "conversion_timed_out"),
        (('exec cat /dev/zero > "$target"',), "media_too_large"),
    ],
    ids=["refuses", "crashes", "makes nothing", "is empty", "is a text", "never ends", "is huge"],
)
async def test_what_cannot_be_converted_fails_its_message_and_keeps_its_file(
    script: Script, temporary: Path, lines: tuple[str, ...], reason: str
) -> None:
    limits = {"within": timedelta(seconds=0.3)} if reason == "conversion_timed_out" else {}
    world = script(*lines, **limits)
    message = await world.message(MP3, MediaKind.VOICE)
    failed = await world.after(message)
    assert (failed.status, failed.reason) == (MessageStatus.FAILED, reason)
    assert message.original is not None
    assert await world.files() == {message.original.media_id}
    assert list(temporary.iterdir()) == []
    # A retry by a person converts it again.
    await world.stores.outbox.redrive(OWNER, message.id, unknown_too=False)
    assert (await script().after(message)).media is not None


async def test_a_worker_that_stops_gives_its_try_back(
    script: Script, tmp_path: Path, temporary: Path
) -> None:
    runs = tmp_path / "runs"
    world = script(f"echo $$ > {runs}.new; mv {runs}.new {runs}; exec sleep 600")
    message = await world.message(MP3, MediaKind.VOICE)
    running = asyncio.create_task(world.converter.keep_converting(once()))
    await until(runs.exists)
    running.cancel()
    await asyncio.wait({running})
    assert not Path(f"/proc/{runs.read_text().strip()}").exists()
    assert list(temporary.iterdir()) == []
    given_back = await world.stores.outbox.find(OWNER, message.id)
    assert given_back.fetch is not None
    assert given_back.fetch.tries == 0
    assert (await script().after(message)).media is not None


async def test_after_a_crash_another_worker_converts_and_one_result_counts(
    script: Script, tmp_path: Path
) -> None:
    runs, go_on = tmp_path / "runs", tmp_path / "go_on"
    waits = f"until [ -e {go_on} ]; do sleep 0.02; done"
    first = script(f"touch {runs}", waits, f'cat {tmp_path / "made"} > "$target"')
    message = await first.message(MP3, MediaKind.VOICE)
    running = asyncio.create_task(first.converter.keep_converting(once()))
    await until(runs.exists)
    second = script()
    assert (await second.after(message)).media is None
    await second.due_again(message)
    ready = await second.after(message)
    assert ready.media is not None
    go_on.touch()
    await running
    assert (len(first.converted), len(second.converted)) == (0, 1)
    assert await first.files() == {ready.media.media_id, ready.media.original}


async def test_a_message_that_was_cancelled_meanwhile_keeps_only_its_original(
    script: Script, tmp_path: Path
) -> None:
    runs, go_on = tmp_path / "runs", tmp_path / "go_on"
    waits = f"until [ -e {go_on} ]; do sleep 0.02; done"
    world = script(f"touch {runs}", waits, f'cat {tmp_path / "made"} > "$target"')
    message = await world.message(MP3, MediaKind.VOICE)
    running = asyncio.create_task(world.converter.keep_converting(once()))
    await until(runs.exists)
    await world.stores.outbox.cancel(OWNER, message.id)
    go_on.touch()
    await running
    assert message.original is not None
    assert await world.files() == {message.original.media_id}
    assert world.converted == []


async def test_an_original_is_kept_while_its_message_waits(script: Script) -> None:
    world = script()
    message = await world.message(MP3, MediaKind.VOICE)
    assert message.original is not None
    over = {"$set": {"metadata.expiresAt": utc_now() - timedelta(days=1)}}
    await world.stores.database["media.files"].update_many({}, over)
    janitor = MediaJanitor(world.stores.database, MediaUses(world.stores.database).needed)
    await janitor.tidy()
    assert await world.files() == {message.original.media_id}
    await world.stores.outbox.cancel(OWNER, message.id)
    await world.stores.database["media.files"].update_many({}, over)
    await janitor.tidy()
    assert await world.files() == set()


async def test_what_only_one_message_has_includes_its_original(script: Script) -> None:
    world = script()
    ready = await world.after(await world.message(MP3, MediaKind.VOICE))
    waits = await world.message(MP3, MediaKind.VOICE)
    uses = MediaUses(world.stores.database)
    assert await uses.of_alone([ready.id, waits.id]) == await world.files()
    assert ready.media is not None
    assert await uses.of_alone([ready.id]) == {ready.media.media_id, ready.media.original}

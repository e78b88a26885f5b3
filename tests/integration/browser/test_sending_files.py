"""Files on the simulated page: how each kind goes out, and what becomes of one that cannot."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from chatgrow_worker.page.files import OutgoingFile
from chatgrow_worker.page.snapshot import Outcome
from sessions.messages.content import Media
from tests.integration.browser.launching import PHONE, THEM
from tests.integration.browser.one_page import OnePage
from tests.waiting import until

MIB = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100
LONG = timedelta(seconds=60)


class Sender:
    """Sends files of this disk on a page."""

    def __init__(self, one: OnePage, folder: Path) -> None:
        self.one = one
        self._folder = folder

    def file(
        self,
        kind: str = "image",
        content: bytes = PNG,
        mimetype: str = "image/png",
        within: timedelta = LONG,
    ) -> OutgoingFile:
        path = self._folder / "file"
        path.write_bytes(content)
        return OutgoingFile(path, kind, mimetype, "a name.bin", within)

    async def begin(self, file: OutgoingFile, caption: str | None = None) -> str:
        key = await self.one.page.prepare(THEM)
        await self.one.page.send(key, THEM, Media(caption=caption), None, file)
        return key

    async def send(self, file: OutgoingFile, caption: str | None = None) -> Outcome:
        return await self.one.outcome(await self.begin(file, caption))

    async def resend(self, key: str, file: OutgoingFile) -> Outcome:
        await self.one.page.resend(key, THEM, Media(), None, file)
        return await self.one.outcome(key)

    async def fault(self, **faults: object) -> None:
        await self.one.control("PUT", "faults", number=PHONE, **faults)
        for name, value in faults.items():
            seen = f"require('WAWebServerMood').now().{name}"

            async def acts(seen: str = seen, value: object = value) -> bool:
                return bool(await self.one.evaluate(seen)) == bool(value)

            if name in ("mediaPrepHang", "uploadLimitBytes", "videoCodecMissing"):
                await until(acts)


@pytest.fixture
def sender(one: OnePage, tmp_path: Path) -> Sender:
    return Sender(one, tmp_path)


@pytest.mark.parametrize(
    ("kind", "mimetype", "type_"),
    [
        ("image", "image/png", "image"),
        ("video", "video/mp4", "video"),
        ("audio", "audio/mpeg", "audio"),
        ("voice", "audio/ogg", "ptt"),
        ("document", "application/pdf", "document"),
        ("sticker", "image/webp", "sticker"),
    ],
)
async def test_each_kind_arrives_whole_and_with_no_caption_that_nobody_wrote(
    sender: Sender, kind: str, mimetype: str, type_: str
) -> None:
    outcome = await sender.send(sender.file(kind, mimetype=mimetype))
    assert outcome.went_well, outcome
    [entry] = await sender.one.ledger()
    assert (entry["type"], entry["mimetype"]) == (type_, mimetype)
    assert entry["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert not entry.get("caption")


async def test_a_caption_goes_with_it_and_large_files_do_not_cross_the_bridge(
    sender: Sender,
) -> None:
    large = PNG + bytes(30 * MIB)
    outcome = await sender.send(sender.file("document", large, "application/pdf"), "the caption")
    assert outcome.went_well, outcome
    [entry] = await sender.one.ledger()
    assert (entry["caption"], entry["sha256"]) == ("the caption", hashlib.sha256(large).hexdigest())


async def test_a_preparation_that_hangs_is_given_up_and_nothing_is_sent_later(
    sender: Sender,
) -> None:
    await sender.fault(mediaPrepHang=True)
    key = await sender.begin(sender.file(within=timedelta(seconds=0.5)))
    outcome = await sender.one.outcome(key)
    assert outcome.error is not None
    assert outcome.error.code == "media_not_prepared"
    assert not (await sender.one.page.look_up(key, THEM)).found
    await sender.fault(mediaPrepHang=None)
    outcome = await sender.send(sender.file())
    assert outcome.went_well, outcome
    assert len(await sender.one.ledger()) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ({"uploadLimitBytes": 100}, "image", "file_too_large"),
        ({"videoCodecMissing": True}, "video", "video_codec_missing"),
    ],
)
async def test_why_a_file_cannot_be_sent_is_told(
    sender: Sender, fault: dict[str, object], kind: str, code: str
) -> None:
    await sender.fault(**fault)
    # wa-js reads the size of a film itself, if it is in the file.
    content = b"tiny" if kind == "video" else PNG
    outcome = await sender.send(sender.file(kind, content, f"{kind}/mp4"))
    assert outcome.error is not None
    assert outcome.error.code == code
    assert await sender.one.ledger() == []


async def test_what_could_not_be_uploaded_is_sent_again_under_its_id_once(sender: Sender) -> None:
    await sender.fault(uploadFails=True)
    key = await sender.begin(sender.file())
    outcome = await sender.one.outcome(key)
    assert (outcome.state, outcome.result) == ("done", "ERROR_UPLOAD")
    assert (await sender.one.page.look_up(key, THEM)).ack < 0
    await sender.fault(uploadFails=None)
    outcome = await sender.resend(key, sender.file())
    assert outcome.went_well, outcome
    [entry] = await sender.one.ledger()
    assert (entry["id"], entry["arrivals"]) == (key.rpartition("_")[2], 1)


async def test_what_was_uploaded_but_not_sent_goes_as_it_is_stored(sender: Sender) -> None:
    await sender.fault(pendingOnly=True)
    key = await sender.begin(sender.file())

    async def uploaded() -> bool:
        seen = "(key) => Boolean(WPP.whatsapp.MsgStore.get(key)?.directPath)"
        return bool(await sender.one.evaluate(seen, key))

    await until(uploaded)
    assert await sender.one.ledger() == []
    await sender.fault(pendingOnly=None)
    outcome = await sender.one.outcome(key)
    assert outcome.went_well, outcome
    assert [each["arrivals"] for each in await sender.one.ledger()] == [1]

"""A message waits for its file without holding others up, and its file stays on no disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sessions.common.ids import new_id
from sessions.connections.model import Connection
from sessions.encryption.keys import Key, KeyRing
from sessions.media.kinds import MediaKind
from sessions.media.store import MediaStore, NewMedia
from sessions.messages.content import Kind, Media
from sessions.messages.model import (
    FETCHING_MEDIA,
    MEDIA_KEY_MISSING,
    Draft,
    Message,
    MessageStatus,
    UsedMedia,
)
from tests.builders import MEDIA_LIMITS, OWNER, TO, Stores
from tests.dispatching import dispatching, make_dispatcher, reaches
from tests.fake_page import FakePage
from tests.waiting import until

OTHER = "15551112222@c.us"
CONTENT = b"%PDF-1.7" + bytes(3 * 1024 * 1024)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _stored(stores: Stores, content: bytes = CONTENT) -> UsedMedia:
    media = await stores.media.add(NewMedia(OWNER, filename="a.pdf"), _pieces(content))
    about = media.metadata
    return UsedMedia(
        media_id=media.id, mimetype=about.mimetype, size=about.size, kind=MediaKind.DOCUMENT
    )


async def _message(
    stores: Stores, connection: Connection, media: UsedMedia | None, to: str = TO
) -> Message:
    """Queue a message with a file; without one, its file is still to be fetched."""
    content = Media(caption="see there", url=None if media else "https://example.org/a.pdf")
    json = content.model_dump_json(by_alias=True, exclude_none=True)
    draft = Draft(id=new_id(), to=to, kind=Kind.MEDIA, content=json, media=media)
    (message,) = await stores.add(connection, [draft])
    return message


async def _fetched(stores: Stores, message: Message, media: UsedMedia) -> None:
    """Give a message its file, as the fetcher does."""
    ready = {"media": media.model_dump(by_alias=True), "fetch": None, "dueAt": message.due_at}
    await stores.database["messages"].update_one({"_id": message.id}, {"$set": ready})


async def test_the_page_gets_the_file_and_it_is_gone_afterwards(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    message = await _message(stores, connection, await _stored(stores))
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)
    [(file, content)] = page.files
    assert (file.kind, file.mimetype, file.filename) == ("document", "application/pdf", "a.pdf")
    assert content == CONTENT
    assert not file.path.exists()
    assert not file.path.parent.exists()


async def test_others_pass_a_message_that_waits_but_not_those_to_the_same_recipient(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    first = await stores.message(connection, "first")
    waits = await _message(stores, connection, None)
    behind = await stores.message(connection, "behind it")
    other = await stores.message(connection, "to another", to=OTHER)
    async with dispatching(stores, page, lease):
        await reaches(stores, other, MessageStatus.SENT)

        async def are_put_off() -> bool:
            found = [await stores.outbox.find(OWNER, each.id) for each in (waits, behind)]
            return [each.reason for each in found] == [FETCHING_MEDIA] * 2

        await until(are_put_off)
        await _fetched(stores, waits, await _stored(stores))
        for each in (first, waits, behind):
            await reaches(stores, each, MessageStatus.SENT)
    texts = [text for _, text in page.delivered]
    assert texts[0] == "first"
    assert set(texts[1:2]) == {"to another"}
    assert "see there" in texts[2]
    assert texts[3] == "behind it"


async def test_a_file_that_was_removed_fails_the_message(stores: Stores) -> None:
    connection, lease = await stores.leased()
    media = await _stored(stores)
    await stores.media.remove([media.media_id])
    message = await _message(stores, connection, media)
    async with dispatching(stores, FakePage(), lease):
        failed = await reaches(stores, message, MessageStatus.FAILED)
    assert failed.reason == "media_not_found"


async def test_a_message_waits_for_the_key_of_its_file(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await _message(stores, connection, await _stored(stores))
    stores.media = MediaStore(stores.database, KeyRing([Key("two", b"2" * 32)]), MEDIA_LIMITS)
    page = FakePage()
    async with dispatching(stores, page, lease):

        async def waits() -> bool:
            found = await stores.outbox.find(OWNER, message.id)
            return (found.status, found.reason) == (MessageStatus.QUEUED, MEDIA_KEY_MISSING)

        await until(waits)
    assert page.delivered == []


@pytest.mark.parametrize("error", [OSError("no space left"), RuntimeError("the worker ends")])
async def test_the_file_goes_from_the_disk_whatever_happens(
    stores: Stores, error: Exception
) -> None:
    connection, lease = await stores.leased()
    seen: list[Path] = []

    def break_off(_: str) -> None:
        seen.extend(file.path for file, _ in page.files)
        raise error

    page = FakePage(before_send=break_off)
    await _message(stores, connection, await _stored(stores))
    dispatcher = make_dispatcher(stores, page, lease)
    with pytest.raises(type(error)):
        await dispatcher.run(asyncio.Event(), asyncio.Event())
    assert not seen[0].parent.exists()

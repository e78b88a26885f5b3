"""A planned message goes out only while the records that it was planned by are as they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessions.common.ids import new_id
from sessions.connections.model import Connection
from sessions.messages.model import Draft, Ground, Message, MessageStatus, Plan
from tests.builders import TO, Stores
from tests.dispatching import dispatching, reaches
from tests.fake_page import FakePage

if TYPE_CHECKING:
    from sessions.storage.mongo import Database

RECORDS = "records"
PLAN = Plan(
    origin="a rule",
    subject="a record",
    trigger="before",
    grounds=(Ground(collection=RECORDS, id="one", revision=1),),
)


async def _record(database: Database, revision: int) -> None:
    await database[RECORDS].replace_one({"_id": "one"}, {"revision": revision}, upsert=True)


def _texts(page: FakePage) -> list[str]:
    return [text for _, text in page.delivered]


async def _planned(stores: Stores, connection: Connection, plan: Plan | None = PLAN) -> Message:
    draft = replace(Draft(id=new_id(), to=TO, text="Hello"), plan=plan)
    (message,) = await stores.add(connection, [draft])
    return message


async def test_a_planned_message_is_sent_while_its_ground_holds(stores: Stores) -> None:
    connection, lease = await stores.leased()
    await _record(stores.database, 1)
    message = await _planned(stores, connection)
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)
    assert _texts(page) == ["Hello"]


@pytest.mark.parametrize("revision", [2, None])
async def test_it_is_superseded_if_its_ground_has_changed_or_is_gone(
    stores: Stores, revision: int | None
) -> None:
    connection, lease = await stores.leased()
    if revision is not None:
        await _record(stores.database, revision)
    message = await _planned(stores, connection)
    following = await _planned(stores, connection, None)
    page = FakePage()
    async with dispatching(stores, page, lease):
        ended = await reaches(stores, message, MessageStatus.CANCELLED)
        await reaches(stores, following, MessageStatus.SENT)
    assert ended.reason == "superseded"
    assert _texts(page) == ["Hello"]


async def test_a_change_after_the_claim_still_stops_it(stores: Stores) -> None:
    connection, lease = await stores.leased()
    await _record(stores.database, 1)
    message = await _planned(stores, connection)

    class ChangingPage(FakePage):
        async def prepare(self, chat_id: str, typing: timedelta = timedelta(0)) -> str:
            await _record(stores.database, 2)
            return await super().prepare(chat_id, typing)

    page = ChangingPage()
    async with dispatching(stores, page, lease):
        ended = await reaches(stores, message, MessageStatus.CANCELLED)
    assert ended.sending_at is not None
    assert _texts(page) == []


async def test_a_person_cannot_retry_what_no_longer_holds(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await _planned(stores, connection)
    page = FakePage()
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.CANCELLED)
        await stores.outbox.redrive(None, message.id, unknown_too=False)
        await reaches(stores, message, MessageStatus.CANCELLED)
    assert _texts(page) == []


async def _stored(database: Database) -> list[dict[str, Any]]:
    return [each async for each in database["messages"].find({})]


async def test_a_message_without_a_plan_stores_none(stores: Stores) -> None:
    connection = await stores.connection()
    await _planned(stores, connection, None)
    (stored,) = await _stored(stores.database)
    assert "plan" not in stored

"""Events wait inside the documents whose changes they tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sessions.outgoing_events.pending import (
    HAS_PENDING,
    PendingEvent,
    adds,
    event_id,
    first,
    pending_in,
    without,
)

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

AT = datetime(2030, 1, 31, 9, tzinfo=UTC)


@pytest.fixture
async def things(database: Database) -> Collection:
    return database["things"]


async def _read(things: Collection) -> dict[str, Any]:
    found = await things.find_one({"_id": "a"})
    assert found is not None
    return found


async def test_a_document_without_entries_has_none(things: Collection) -> None:
    await things.insert_one({"_id": "a"})
    assert pending_in(await _read(things)) == []
    assert await things.count_documents(HAS_PENDING) == 0


async def test_entries_are_numbered_in_order(things: Collection) -> None:
    await things.insert_one({"_id": "a", "status": "new", **first("made", AT, {"status": "new"})})
    await things.update_one(
        {"_id": "a"},
        [{"$set": {"status": "old"}}, {"$set": adds("changed", {"status": "$status"})}],
    )
    found, told = pending_in(await _read(things))
    assert found == PendingEvent(1, "made", AT, {"status": "new"})
    assert (told.n, told.type, told.facts) == (2, "changed", {"status": "old"})
    assert event_id("a", told.n) == "a.2"


async def test_a_number_is_never_used_again(things: Collection) -> None:
    await things.insert_one({"_id": "a"})
    for expected in (1, 2):
        await things.update_one({"_id": "a"}, [{"$set": adds("changed")}])
        assert [each.n for each in pending_in(await _read(things))] == [expected]
        await things.update_one({"_id": "a"}, without(expected))
        assert await things.count_documents(HAS_PENDING) == 0


async def test_later_entries_stay(things: Collection) -> None:
    await things.insert_one({"_id": "a", **first("made", AT)})
    for _ in range(2):
        await things.update_one({"_id": "a"}, [{"$set": adds("changed")}])
    await things.update_one({"_id": "a"}, without(2))
    assert [each.n for each in pending_in(await _read(things))] == [3]
    await things.update_one({"_id": "a"}, without(2))
    assert [each.n for each in pending_in(await _read(things))] == [3]


async def test_nothing_is_added_where_nothing_changes(things: Collection) -> None:
    await things.insert_one({"_id": "a", "status": "new"})
    for status in ("new", "old", "old"):
        differs = {"$ne": ["$status", status]}
        await things.update_one(
            {"_id": "a"}, [{"$set": {"status": status, **adds("changed", where=differs)}}]
        )
    assert [each.n for each in pending_in(await _read(things))] == [1]


async def test_an_array_does_not_grow_for_ever(things: Collection) -> None:
    await things.insert_one({"_id": "a", **first("made", AT)})
    for _ in range(1000):
        await things.update_one({"_id": "a"}, [{"$set": adds("changed")}])
    found = pending_in(await _read(things))
    assert (len(found), found[0].n, found[-1].n) == (1000, 2, 1001)

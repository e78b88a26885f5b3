"""A MongoDB that answers and refuses, as for a quota that is used up or a right that is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessions.storage.mongo import Database


@asynccontextmanager
async def refusing(database: Database, collection: str, but: Any = None) -> AsyncIterator[None]:
    """Have MongoDB refuse whatever is put into a collection, `but` what matches a filter."""
    if collection not in await database.list_collection_names():
        await database.create_collection(collection)
    await database.command("collMod", collection, validator=but or {"never": True})
    try:
        yield
    finally:
        await database.command("collMod", collection, validator={})

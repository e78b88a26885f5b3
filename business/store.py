"""A collection of records, each of one owner: find, page through, add, change and remove."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from business.errors import ExistsError, NotThereError
from business.model import Owned
from sessions.outgoing_events import pending
from sessions.storage.refusals import DUPLICATE_KEY, codes_of

if TYPE_CHECKING:
    from sessions.events.log import EventType
    from sessions.storage.mongo import Collection, Database

Kind = TypeVar("Kind", bound=Owned)
Index = Sequence[tuple[str, int]]


def changing(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the update that sets fields of a record on which messages depend.

    None takes a field away. Messages planned before it stop, and are planned anew.
    """
    fields = {name: value for name, value in changes.items() if value is not None}
    gone = {name: True for name in changes if name not in fields}
    update = {"$inc": {"revision": 1}, "$set": {**fields, "dirty": True}}
    return {**update, "$unset": gone} if gone else update


def telling(
    update: Mapping[str, Any], type_: EventType, facts: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return an update as a pipeline that also adds an event for webhooks, in the same write.

    It takes `$set`, `$unset`, `$inc`, and `$push` of one value with or without `$each` and
    `$slice`.
    """
    fields: dict[str, Any] = {
        name: {"$literal": value} for name, value in update.get("$set", {}).items()
    } | dict.fromkeys(update.get("$unset", {}), "$$REMOVE")
    for name, amount in update.get("$inc", {}).items():
        fields[name] = {"$add": [{"$ifNull": [f"${name}", 0]}, amount]}
    for name, value in update.get("$push", {}).items():
        more = value.get("$each", [value])
        fields[name] = {"$concatArrays": [{"$ifNull": [f"${name}", []]}, {"$literal": more}]}
        if "$slice" in value:
            fields[name] = {"$slice": [fields[name], value["$slice"]]}
    told = {name: {"$literal": value} for name, value in facts.items()}
    return [{"$set": fields}, {"$set": pending.adds(type_, told)}]


class Store(Generic[Kind]):
    """The records of one kind. An owner of None means everybody's, for an administrator."""

    def __init__(
        self,
        database: Database,
        name: str,
        model: type[Kind],
        absent: type[NotThereError],
        unique: Sequence[str] = (),
        indexes: Sequence[Index] = (),
    ) -> None:
        self.name = name
        self.collection: Collection = database[name]
        self._model = model
        self._absent = absent
        self._unique = unique
        self._indexes = indexes

    async def prepare(self) -> None:
        """Create the indexes; several processes may do this at once."""
        by_owner: Index = [("owner", 1), ("_id", -1)]
        indexes = [IndexModel(list(keys)) for keys in (by_owner, *self._indexes)]
        indexes.append(IndexModel("owner", partialFilterExpression={"dirty": True}))
        if self._unique:
            keys = [("owner", 1), *((name, 1) for name in self._unique)]
            present = {name: {"$exists": True} for name in self._unique}
            indexes.append(IndexModel(keys, unique=True, partialFilterExpression=present))
        await self.collection.create_indexes(indexes)

    async def find(self, owner: str | None, record_id: str) -> Kind:
        """Return a record; raise the NotThereError of its kind."""
        found = await self.first(owner, {"_id": {"$eq": record_id}})
        if found is None:
            raise self._absent(record_id)
        return found

    async def first(self, owner: str | None, which: Mapping[str, Any]) -> Kind | None:
        """Return a record that matches, if there is one."""
        document = await self.collection.find_one({**which, **_of(owner)})
        return None if document is None else self._model.model_validate(document)

    async def all(
        self, owner: str | None, which: Mapping[str, Any], limit: int = 0, order: int = 1
    ) -> list[Kind]:
        """Return the records that match, in the order of their ids."""
        cursor = self.collection.find({**which, **_of(owner)}, sort=[("_id", order)], limit=limit)
        return [self._model.model_validate(each) async for each in cursor]

    async def by_ids(self, ids: Iterable[str]) -> dict[str, Kind]:
        """Return the records with these ids, by id; those that are gone are left out."""
        found = await self.all(None, {"_id": {"$in": [*ids]}})
        return {each.id: each for each in found}

    async def page(
        self, owner: str | None, which: Mapping[str, Any], cursor: str | None, limit: int
    ) -> tuple[list[Kind], str | None]:
        """Return a page of records, newest first, and the cursor of the next page if any."""
        place = {"_id": {"$lt": cursor}} if cursor else {}
        found = await self.all(owner, {**which, **place}, limit + 1, order=-1)
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def add(self, record: Kind, told: Mapping[str, Any] | None = None) -> Kind:
        """Store a record durably; one whose id is stored already is returned as it is.

        `told` are the fields of an event for webhooks (`pending.first`).

        Raises ExistsError if another record has the same unique fields.
        """
        document = {**record.model_dump(by_alias=True, exclude_none=True), **(told or {})}
        try:
            await self.collection.insert_one(document)
        except DuplicateKeyError:
            stored = await self.first(record.owner, {"_id": record.id})
            if stored is None:
                raise await self._exists(document) from None
            return stored
        return record

    async def add_all(self, records: Sequence[tuple[Kind, Mapping[str, Any]]]) -> set[str]:
        """Store new records, each with the fields of its event; return the ids of those stored.

        Left out are those whose unique fields another record has.
        """
        documents = [
            {**record.model_dump(by_alias=True, exclude_none=True), **told}
            for record, told in records
        ]
        ids = {str(each["_id"]) for each in documents}
        try:
            if documents:
                await self.collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            if codes_of(error) != {DUPLICATE_KEY} or details.get("writeConcernErrors"):
                raise
            ids -= {str(documents[each["index"]]["_id"]) for each in details["writeErrors"]}
        return ids

    async def change(
        self,
        owner: str | None,
        record_id: str,
        update: Mapping[str, Any] | list[dict[str, Any]],
        which: Mapping[str, Any] | None = None,
    ) -> Kind | None:
        """Change a record that matches, and return it; None if it does not match.

        Raises ExistsError if another record has the same unique fields.
        """
        try:
            document: dict[str, Any] | None = await self.collection.find_one_and_update(
                {**(which or {}), "_id": {"$eq": record_id}, **_of(owner)},
                update,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            changes = update[0]["$set"] if isinstance(update, list) else update.get("$set", {})
            raise await self._exists({**changes, "owner": owner}) from None
        return None if document is None else self._model.model_validate(document)

    async def remove(self, owner: str | None, record_id: str) -> bool:
        """Remove a record; tell whether it was there."""
        gone = await self.collection.delete_one({"_id": {"$eq": record_id}, **_of(owner)})
        return gone.deleted_count > 0

    async def touch(self, owner: str, which: Mapping[str, Any]) -> None:
        """Have the messages about matching records planned anew."""
        await self.collection.update_many({**which, "owner": owner}, changing({}))

    async def _exists(self, document: Mapping[str, Any]) -> ExistsError:
        same = {name: {"$eq": document.get(name)} for name in self._unique if name in document}
        other = await self.first(document.get("owner"), same)
        return ExistsError(self._absent.what, other.id if other else "unknown")


def _of(owner: str | None) -> dict[str, Any]:
    return {} if owner is None else {"owner": {"$eq": owner}}

"""Users: the people who sign in, of whom the first is the administrator."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field
from pymongo.errors import DuplicateKeyError

from sessions.common.callers import FIRST_OWNER, Role
from sessions.common.email_addresses import normal_email
from sessions.common.errors import DomainError
from sessions.common.ids import new_id
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database


class UserExistsError(DomainError):
    """Somebody is registered with that e-mail address."""

    code = "user_exists"


class UserNotFoundError(DomainError):
    """There is no such user."""

    code = "user_not_found"


class User(Record):
    """A user; `id` is also the owner id of their connections."""

    id: str = Field(alias="_id")
    email: str
    name: str
    role: Role
    password_hash: str = Field(repr=False)
    password_version: int = 0
    """How often the password was changed."""
    created_at: datetime


class UserStore:
    """Create and find users."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["users"]

    async def prepare(self) -> None:
        """Create the indexes; several processes may do this at once."""
        await self._collection.create_index("email", unique=True)

    async def has_administrator(self) -> bool:
        """Tell whether the first administrator has registered."""
        found = await self._collection.find_one({"_id": FIRST_OWNER}, projection={"_id": True})
        return found is not None

    async def create_first(
        self, email: str, name: str, password_hash: str, now: datetime
    ) -> User | None:
        """Create the administrator; return None if there is one. The fixed id prevents a second."""
        try:
            return await self._insert(FIRST_OWNER, Role.ADMIN, email, name, password_hash, now)
        except UserExistsError:
            return None

    async def create(self, email: str, name: str, password_hash: str, now: datetime) -> User:
        """Create a user; raise UserExistsError."""
        return await self._insert(new_id(), Role.USER, email, name, password_hash, now)

    async def get(self, user_id: str) -> User | None:
        """Return the user with this id."""
        return await self._find("_id", user_id)

    async def can_own(self, user_id: str) -> bool:
        """Tell whether this id may own things: a user's id, or the first administrator's."""
        if user_id == FIRST_OWNER:
            return True
        return await self._collection.find_one({"_id": user_id}, {"_id": True}) is not None

    async def by_email(self, email: str) -> User | None:
        """Return the user with this address, in lower case."""
        return await self._find("email", email)

    async def named(self, name: str) -> User:
        """Return the user with this id or e-mail address; raise UserNotFoundError."""
        found = await self.get(name)
        if found is None:
            with suppress(ValueError):
                found = await self.by_email(normal_email(name))
        if found is None:
            raise UserNotFoundError(f"There is no user {name!r}.")
        return found

    async def all(self) -> list[User]:
        """Return all users, oldest first."""
        cursor = self._collection.find({}, sort=[("createdAt", 1)])
        return [User.model_validate(document) async for document in cursor]

    async def costliest_hash(self) -> str | None:
        """Return the password hash that is slowest to check; None if there are no users."""
        # The hashes sort by their number of rounds: `$2b$12$…`.
        found = await self._collection.find_one({}, sort=[("passwordHash", -1)])
        return None if found is None else str(found["passwordHash"])

    async def rehash(self, user: User, password_hash: str) -> None:
        """Replace the hash of the same password, unless the password has changed meanwhile."""
        await self._collection.update_one(
            {"_id": user.id, "passwordHash": user.password_hash},
            {"$set": {"passwordHash": password_hash}},
        )

    async def set_password(self, user_id: str, password_hash: str) -> None:
        """Replace a password."""
        await self._collection.update_one(
            {"_id": user_id},
            {"$set": {"passwordHash": password_hash}, "$inc": {"passwordVersion": 1}},
        )

    async def delete(self, user_id: str) -> None:
        """Delete a user."""
        await self._collection.delete_one({"_id": user_id})

    async def put_back(self, user: User) -> None:
        """Store a deleted user again; raise UserExistsError."""
        await self._insert(
            user.id, user.role, user.email, user.name, user.password_hash, user.created_at
        )

    async def _find(self, field: str, value: str) -> User | None:
        document = await self._collection.find_one({field: {"$eq": value}})
        return None if document is None else User.model_validate(document)

    async def _insert(
        self, user_id: str, role: Role, email: str, name: str, password_hash: str, now: datetime
    ) -> User:
        document = {
            "_id": user_id,
            "email": email,
            "name": name,
            "role": role,
            "passwordHash": password_hash,
            "createdAt": now,
        }
        try:
            await self._collection.insert_one(document)
        except DuplicateKeyError as error:
            raise UserExistsError("Somebody is registered with this e-mail address.") from error
        return User.model_validate(document)

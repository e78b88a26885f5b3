"""What is asked of the owner of a connection, kept on its record until it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.common.errors import LeaseLostError
from sessions.common.ids import new_id
from sessions.connections.leases import UNOWNED
from sessions.connections.states import Command, ConnectionState, Reason
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database


class PendingCommand(Record):
    """A command that is not done yet.

    `outcome` says how WhatsApp took a logout, once it did; `because` why the owner itself asked.
    """

    id: str
    name: Command
    outcome: Reason | None = None
    because: Reason | None = None

    @property
    def leaves(self) -> bool:
        """Whether the connection's login is to end."""
        return self.name in (Command.LOGOUT, Command.DELETE)


def new_command(name: Command, because: Reason | None = None) -> dict[str, Any]:
    """Return a new command as the record keeps it."""
    return PendingCommand(id=new_id(), name=name, because=because).model_dump(by_alias=True)


class CommandRequests:
    """Passes commands from those who ask to the owner of a connection, one at a time.

    Asking for what is under way changes nothing. A logout takes the place of a restart, and a
    deletion (`sessions.deletion.connections`) that of both.
    """

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["connections"]

    async def restart(self, connection: str) -> None:
        """Ask the owner for a new page; one that is starting, or without owner, needs none."""
        untouched = {
            "_id": connection,
            "command": None,
            "state": {"$ne": ConnectionState.STARTING},
            "$expr": {"$not": [UNOWNED]},
        }
        change = {"$set": {"command": new_command(Command.RESTART)}}
        await self._collection.update_one(untouched, change)

    async def log_out(self, connection: str) -> None:
        """Ask for a logout, after which nothing runs unless it is started again meanwhile."""
        asked = {"$eq": ["$command.name", Command.LOGOUT]}
        command = {"$literal": new_command(Command.LOGOUT)}
        changes = {"desired": "stopped", "command": {"$cond": [asked, "$command", command]}}
        present = {"_id": connection, "deletedAt": None}
        await self._collection.update_one(present, [{"$set": changes}])

    async def refuse_login(self, lease: Lease, because: Reason) -> None:
        """Have a login logged out that must not be used; raise LeaseLostError.

        A logout or a deletion that is under way does the same.
        """
        leaves = {"$in": ["$command.name", [Command.LOGOUT, Command.DELETE]]}
        command = {"$literal": new_command(Command.LOGOUT, because)}
        changes = {"desired": "stopped", "command": {"$cond": [leaves, "$command", command]}}
        result = await self._collection.update_one(lease.fence(), [{"$set": changes}])
        if result.matched_count == 0:
            raise LeaseLostError("a login was not refused")

    async def pending(self, connection: str) -> PendingCommand | None:
        """Return what is asked now."""
        document: dict[str, Any] | None = await self._collection.find_one(
            {"_id": connection}, projection={"command": True}
        )
        found = (document or {}).get("command")
        return PendingCommand.model_validate(found) if found else None

    async def note(self, lease: Lease, outcome: Reason) -> Command:
        """Note how a logout went, so that the next owner need not try; return what asked for it.

        Raises LeaseLostError.
        """
        noted = await self._write(lease, {"$set": {"command.outcome": outcome}})
        return Command(noted["command"]["name"])

    async def restarted(self, lease: Lease, command: PendingCommand) -> None:
        """Take a restart off the record, unless something else has taken its place."""
        await self._collection.update_one(
            {**lease.fence(), "command.id": command.id}, {"$unset": {"command": True}}
        )

    async def logged_out(self, lease: Lease) -> None:
        """Take a logout off the record; no login of before may be used. Raises LeaseLostError.

        A deletion that came meanwhile stays, with nothing left to log out.
        """
        done = {"$eq": ["$command.name", Command.LOGOUT]}
        changes = {
            "linkedNumber": None,
            "linkShownAt": None,
            "forgottenGeneration": lease.generation,
            "command": {"$cond": [done, "$$REMOVE", "$command"]},
        }
        await self._write(lease, [{"$set": changes}])

    async def _write(
        self, lease: Lease, change: dict[str, Any] | list[dict[str, Any]]
    ) -> dict[str, Any]:
        asked = {**lease.fence(), "command.id": {"$exists": True}}
        document: dict[str, Any] | None = await self._collection.find_one_and_update(
            asked, change, projection={"command": True}
        )
        if document is None:
            raise LeaseLostError(f"Generation {lease.generation} no longer owns this connection.")
        return document

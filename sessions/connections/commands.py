"""Commands for the worker that runs a connection, kept on its record until they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.common.errors import LeaseLostError
from sessions.common.ids import new_id
from sessions.connections.leases import NO_WORKER
from sessions.connections.states import Command, ConnectionState, Reason
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database


class PendingCommand(Record):
    """A command that is not done yet.

    `outcome` is how a logout ended at WhatsApp, once that is known. `because` is why the worker
    itself logs out; None when a person asked for it.
    """

    id: str
    name: Command
    outcome: Reason | None = None
    because: Reason | None = None

    @property
    def leaves(self) -> bool:
        """Whether the command ends the connection's login."""
        return self.name in (Command.LOGOUT, Command.DELETE)


def new_command(name: Command, because: Reason | None = None) -> dict[str, Any]:
    """Return a new command as the record keeps it."""
    return PendingCommand(id=new_id(), name=name, because=because).model_dump(by_alias=True)


class CommandRequests:
    """Store the pending command of a connection, one at a time.

    Asking again for the pending command changes nothing. A logout replaces a restart, and a
    deletion (`sessions.deletion.connections`) replaces both.
    """

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["connections"]

    async def restart(self, connection: str) -> None:
        """Ask the worker for a new page, unless the connection is starting or has no worker."""
        untouched = {
            "_id": connection,
            "command": None,
            "state": {"$ne": ConnectionState.STARTING},
            "$expr": {"$not": [NO_WORKER]},
        }
        change = {"$set": {"command": new_command(Command.RESTART)}}
        await self._collection.update_one(untouched, change)

    async def log_out(self, connection: str) -> None:
        """Ask for a logout; the connection stops after it, unless it is started again before."""
        asked = {"$eq": ["$command.name", Command.LOGOUT]}
        command = {"$literal": new_command(Command.LOGOUT)}
        changes = {"desired": "stopped", "command": {"$cond": [asked, "$command", command]}}
        present = {"_id": connection, "deletedAt": None}
        await self._collection.update_one(present, [{"$set": changes}])

    async def refuse_login(self, lease: Lease, because: Reason) -> None:
        """Ask for the logout of a login that must not be used; raise LeaseLostError.

        A pending logout or deletion stays as it is, since it ends the login too.
        """
        leaves = {"$in": ["$command.name", [Command.LOGOUT, Command.DELETE]]}
        command = {"$literal": new_command(Command.LOGOUT, because)}
        changes = {"desired": "stopped", "command": {"$cond": [leaves, "$command", command]}}
        result = await self._collection.update_one(lease.fence(), [{"$set": changes}])
        if result.matched_count == 0:
            raise LeaseLostError("the refusal of a login was not stored")

    async def pending(self, connection: str) -> PendingCommand | None:
        """Return the pending command."""
        document: dict[str, Any] | None = await self._collection.find_one(
            {"_id": connection}, projection={"command": True}
        )
        found = (document or {}).get("command")
        return PendingCommand.model_validate(found) if found else None

    async def note(self, lease: Lease, outcome: Reason) -> Command:
        """Store how a logout ended, so that the next worker does not try it again.

        Return the command that asked for it. Raises LeaseLostError.
        """
        noted = await self._write(lease, {"$set": {"command.outcome": outcome}})
        return Command(noted["command"]["name"])

    async def restarted(self, lease: Lease, command: PendingCommand) -> None:
        """Remove a restart that is done, unless another command has replaced it."""
        await self._collection.update_one(
            {**lease.fence(), "command.id": command.id}, {"$unset": {"command": True}}
        )

    async def logged_out(self, lease: Lease) -> None:
        """Remove a logout that is done, and forbid the use of older logins; raise LeaseLostError.

        A deletion that was asked for meanwhile stays pending.
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

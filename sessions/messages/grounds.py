"""Whether what a planned message was planned for still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessions.messages.model import Ground, Plan

if TYPE_CHECKING:
    from sessions.storage.mongo import Database


class Grounds:
    """Compare the records on which a planned message stands with the plan.

    This reads the records themselves. So a change that was stored before this look stops the
    message, whether or not the planner has cancelled it by then. A change that is stored after it
    comes too late: the message is on its way.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self, plan: Plan) -> bool:
        """Tell whether every record still has the revision of the plan; a record may be gone."""
        for each in plan.grounds:
            if not await self._holds(each):
                return False
        return True

    async def _holds(self, ground: Ground) -> bool:
        same = {"_id": ground.id, "revision": ground.revision}
        return await self._database[ground.collection].find_one(same, {"_id": True}) is not None

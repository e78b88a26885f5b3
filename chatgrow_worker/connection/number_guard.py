"""Keep a signed link from linking another phone than the one whose number was declared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from loguru import logger

from sessions.common.number_forms import same_line
from sessions.connections.commands import CommandRequests
from sessions.connections.leases import Lease
from sessions.connections.linking import LinkingRequests
from sessions.connections.states import Reason


@dataclass(frozen=True)
class NumberGuard:
    """Knows the number that was declared for a connection, and refuses others.

    Who may manage the connection may link any phone: only links that were handed out are bound.
    """

    declared: str | None
    requests: LinkingRequests
    commands: CommandRequests
    lease: Lease
    asked: asyncio.Event
    """Set when something is asked of the owner: a refused login is to be logged out."""

    async def refuses(self, number: str) -> bool:
        """Tell whether a phone must not be linked; if so, its logout is asked for.

        Raises LeaseLostError and STORE_DOWN errors.
        """
        if self.declared is None or number in same_line(self.declared):
            return False
        if not await self.requests.link_was_shown(self.lease.connection):
            return False
        await self.commands.refuse_login(self.lease, Reason.OTHER_NUMBER)
        self.asked.set()
        logger.warning("A link has linked another phone than the declared one: it is logged out")
        return True

"""Refuse a phone that was linked through a signed link and has not the declared number."""

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
    """Refuse numbers other than the one declared for a connection.

    This applies to signed links only; a caller who may manage the connection may link any phone.
    """

    declared: str | None
    requests: LinkingRequests
    commands: CommandRequests
    lease: Lease
    asked: asyncio.Event
    """Set when a refused login is to be logged out, so that the runner reads the command."""

    async def refuses(self, number: str) -> bool:
        """Tell whether a phone must not be linked; if so, ask for its logout.

        Raises LeaseLostError and STORE_DOWN errors.
        """
        if self.declared is None or number in same_line(self.declared):
            return False
        if not await self.requests.link_was_shown(self.lease.connection):
            return False
        await self.commands.refuse_login(self.lease, Reason.OTHER_NUMBER)
        self.asked.set()
        logger.warning("A signed link has linked another number than declared: logging it out")
        return True

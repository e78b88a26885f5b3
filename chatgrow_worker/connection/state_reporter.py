"""Write a connection's state to its record, under its lease."""

from __future__ import annotations

from datetime import datetime

from loguru import logger

from sessions.connections.leases import Lease
from sessions.connections.model import QrCode
from sessions.connections.states import ConnectionState, Reason, is_legal
from sessions.connections.store import ConnectionStore
from sessions.storage.mongo import STORE_DOWN


class StateReporter:
    """Write the state when it differs from the one reported last.

    A failed write does not count as reported, so the next look reports it again. Raises
    LeaseLostError once another worker has the connection.
    """

    def __init__(self, store: ConnectionStore, lease: Lease) -> None:
        self._store = store
        self._lease = lease
        self._reported: tuple[ConnectionState, Reason | None, datetime | None] = (
            ConnectionState.STARTING,
            Reason.BROWSER_STARTING,
            None,
        )
        self._unsure: set[ConnectionState] = set()
        """The states whose writes failed, though MongoDB may have stored them."""
        self._code: str | None = None

    @property
    def state(self) -> ConnectionState:
        """The state reported last."""
        return self._reported[0]

    async def report(
        self,
        to: ConnectionState,
        reason: Reason | None = None,
        number: str | None = None,
        until: datetime | None = None,
    ) -> None:
        """Report a state, its reason and its end, if they are new; log it if MongoDB is away."""
        try:
            await self.settle(to, reason, number, until)
        except STORE_DOWN:
            logger.warning("MongoDB is away or refuses; {} will be reported later", to)

    async def settle(
        self,
        to: ConnectionState,
        reason: Reason | None = None,
        number: str | None = None,
        until: datetime | None = None,
    ) -> None:
        """Report a state, if it is new, and return once it is stored; raise STORE_DOWN errors."""
        if self._reported == (to, reason, until):
            return
        await self._move(to, reason, number, until)

    async def rest(self, to: ConnectionState, reason: Reason) -> None:
        """Report the final state and stop the connection, in one write.

        Raises STORE_DOWN errors.
        """
        await self._move(to, reason, rests=True)

    async def _move(
        self,
        to: ConnectionState,
        reason: Reason | None,
        number: str | None = None,
        until: datetime | None = None,
        *,
        rests: bool = False,
    ) -> None:
        try:
            await self._store.move(
                *(self._lease, self._comes_from(to), to, reason, number),
                until=until,
                rests=rests,
                or_from={self.state, *self._unsure},
            )
        except STORE_DOWN:
            self._unsure.add(to)
            raise
        self._unsure.clear()
        logger.info("{} → {}{}", self.state, to, f" ({reason})" if reason else "")
        self._reported = (to, reason, until)
        self._code = None

    def _comes_from(self, to: ConnectionState) -> ConnectionState:
        """Return a state from which this move is legal, also considering failed reports."""
        states = (self.state, *self._unsure)
        return next((each for each in states if is_legal(each, to)), self.state)

    async def show_code(self, code: str, expires_at: datetime) -> None:
        """Publish the QR code on show, if it is new."""
        if code == self._code:
            return
        try:
            await self._store.show_qr(self._lease, QrCode(code=code, expires_at=expires_at))
        except STORE_DOWN:
            return
        self._code = code

"""While the page waits to be linked: its QR codes, and a pairing code when somebody wants one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from loguru import logger

from chatgrow_worker.connections.qr import QrPublisher
from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.leases import Lease
from sessions.linking import LinkingDesk

_PAIRING_CODE_LIVES = timedelta(minutes=3)
"""wa-js renews a managed code after three and a quarter minutes."""


class Linking:
    """Serves those who link a phone, for one visit."""

    def __init__(
        self,
        page: WhatsAppPage,
        desk: LinkingDesk,
        lease: Lease,
        qr: QrPublisher,
        now: Callable[[], datetime],
    ) -> None:
        self._page = page
        self._desk = desk
        self._lease = lease
        self._qr = qr
        self._now = now
        self._answered: str | None = None

    async def follow(self, *, idle: bool) -> None:
        """Publish what is shown now; raise QrNotScannedError when nobody looks any more."""
        await self._qr.follow(idle=idle)
        await self._pair()

    async def _pair(self) -> None:
        wish = await self._desk.pairing(self._lease.connection)
        if wish is None or wish.code or wish.error or wish.id == self._answered:
            return
        try:
            shown = await self._page.pairing_code(wish.phone, _PAIRING_CODE_LIVES)
        except PageCallError as error:
            logger.warning("No pairing code: {}", error)
            answer = wish.model_copy(update={"error": error.code or error.name})
        else:
            expires_at = self._now() + _PAIRING_CODE_LIVES - shown.age
            answer = wish.model_copy(update={"code": shown.code, "expires_at": expires_at})
        await self._desk.answer_pairing(self._lease, answer)
        self._answered = wish.id

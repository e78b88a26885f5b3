"""While the page waits to be linked: its QR codes, and a pairing code when somebody wants one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from loguru import logger

from chatgrow_worker.connections.qr import QrPublisher
from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import PairingCode
from sessions.leases import Lease
from sessions.linking import LinkingDesk, Pairing, PairingRefusal, Refused

_PAIRING_CODE_LIVES = timedelta(minutes=3)
"""WhatsApp Web takes no answer to an older code (WAWebAltDeviceLinkingApi, dump of 2026-04-27)."""
_REFUSED: Mapping[str, Refused] = MappingProxyType(
    {
        "400": Refused.NUMBER_REFUSED,
        "403": Refused.NUMBER_REFUSED,
        "429": Refused.TOO_MANY,
        "452": Refused.NOT_AVAILABLE,
        "cannot_get_code_for_already_authenticated": Refused.ALREADY_LINKED,
    }
)
"""WhatsApp's answers (WASmaxInMdIqMixinErrors, dump of 2026-04-27) and wa-js's own."""


class PairingPage(Protocol):
    """What linking asks of a page; `WhatsAppPage` is the real one."""

    async def pairing_code(self, phone: str, lives: timedelta) -> PairingCode:
        """Return the code to type on a phone."""


class Linking:
    """Serves those who link a phone, for one visit."""

    def __init__(
        self,
        page: PairingPage,
        desk: LinkingDesk,
        lease: Lease,
        qr: QrPublisher,
        now: Callable[[], datetime],
        pause: timedelta,
    ) -> None:
        self._page = page
        self._desk = desk
        self._lease = lease
        self._qr = qr
        self._now = now
        self._pause = pause
        self._answered: str | None = None
        self._code_until: datetime | None = None

    async def follow(self, *, idle: bool) -> None:
        """Publish what is shown now; raise QrNotScannedError when nobody looks any more."""
        await self._pair()
        if not idle:
            await self._qr.show()
        elif self._code_until is not None and self._now() < self._code_until:
            await self._qr.rest()  # new QR codes would end the pairing code
        else:
            await self._qr.next_round()

    async def _pair(self) -> None:
        wish = await self._desk.pairing(self._lease.connection)
        if wish is None or wish.code or wish.refusal or wish.id == self._answered:
            return
        await self._desk.answer_pairing(self._lease, await self._answer(wish))
        self._answered = wish.id

    async def _answer(self, wish: Pairing) -> Pairing:
        if await self._desk.linked_here(wish.phone):  # it may have been linked since it was asked
            return wish.refused(PairingRefusal(code=Refused.NUMBER_LINKED))
        try:
            shown = await self._page.pairing_code(wish.phone, _PAIRING_CODE_LIVES)
        except PageCallError as error:
            logger.warning("No pairing code: {}", error)
            return wish.refused(self._refusal(error))
        self._code_until = self._now() + _PAIRING_CODE_LIVES - shown.age
        return wish.answered(shown.code, self._code_until)

    def _refusal(self, error: PageCallError) -> PairingRefusal:
        code = _REFUSED.get(error.code or "", Refused.NO_CODE)
        retry_at = self._now() + self._pause if code is Refused.TOO_MANY else None
        return PairingRefusal(code=code, detail=error.code or error.name, retry_at=retry_at)

"""Show QR codes while the page waits to be linked, and answer requests for pairing codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from loguru import logger

from chatgrow_worker.connection.qr import QrPublisher
from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import PairingCode
from sessions.connections.leases import Lease
from sessions.connections.linking import LinkingRequests, Pairing, PairingRefusal, Refused

_PAIRING_CODE_LIVES = timedelta(minutes=3)
"""WhatsApp Web does not accept older codes (WAWebAltDeviceLinkingApi, dump of 2026-04-27)."""
_REFUSED: Mapping[str, Refused] = MappingProxyType(
    {
        "400": Refused.NUMBER_REFUSED,
        "403": Refused.NUMBER_REFUSED,
        "429": Refused.TOO_MANY,
        "452": Refused.NOT_AVAILABLE,
        "cannot_get_code_for_already_authenticated": Refused.ALREADY_LINKED,
    }
)
"""Errors of WhatsApp (WASmaxInMdIqMixinErrors, dump of 2026-04-27) and of wa-js."""


class PairingPage(Protocol):
    """What linking needs of a page; `WhatsAppPage` is the real one."""

    async def pairing_code(self, phone: str, lives: timedelta) -> PairingCode:
        """Return the code to type on the phone."""


class Linking:
    """Serve people who link a phone to one page."""

    def __init__(
        self,
        page: PairingPage,
        requests: LinkingRequests,
        lease: Lease,
        qr: QrPublisher,
        now: Callable[[], datetime],
        pause: timedelta,
    ) -> None:
        self._page = page
        self._requests = requests
        self._lease = lease
        self._qr = qr
        self._now = now
        self._pause = pause
        self._answered: str | None = None
        self._code_until: datetime | None = None

    async def follow(self, *, idle: bool) -> None:
        """Publish the QR code on show; raise QrNotScannedError when nobody asks for codes."""
        await self._pair()
        if not idle:
            await self._qr.show()
        elif self._code_until is not None and self._now() < self._code_until:
            await self._qr.rest()  # new QR codes would end the pairing code
        else:
            await self._qr.next_round()

    async def _pair(self) -> None:
        asked = await self._requests.pairing(self._lease.connection)
        if asked is None or asked.code or asked.refusal or asked.id == self._answered:
            return
        await self._requests.answer_pairing(self._lease, await self._answer(asked))
        self._answered = asked.id

    async def _answer(self, asked: Pairing) -> Pairing:
        if await self._requests.linked_here(
            asked.phone
        ):  # the number may have been linked since the request
            return asked.refused(PairingRefusal(code=Refused.NUMBER_LINKED))
        try:
            shown = await self._page.pairing_code(asked.phone, _PAIRING_CODE_LIVES)
        except PageCallError as error:
            logger.warning("No pairing code: {}", error)
            return asked.refused(self._refusal(error))
        self._code_until = self._now() + _PAIRING_CODE_LIVES - shown.age
        return asked.answered(shown.code, self._code_until)

    def _refusal(self, error: PageCallError) -> PairingRefusal:
        code = _REFUSED.get(error.code or "", Refused.NO_CODE)
        retry_at = self._now() + self._pause if code is Refused.TOO_MANY else None
        return PairingRefusal(code=code, detail=error.code or error.name, retry_at=retry_at)

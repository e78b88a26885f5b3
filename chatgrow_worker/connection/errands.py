"""Do what callers ask of a connection's page at once: typing, marking read, listing groups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from loguru import logger

from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.connections.page_requests import Errand, PageRequest, PageRequests


class Errands:
    """Do the requests for one connection with its page, the oldest first.

    Requests are looked for only after a ring, so an idle connection costs nothing. If a ring is
    lost, the caller gets no answer and asks again.
    """

    def __init__(self, page: WhatsAppPage, requests: PageRequests, connection: str) -> None:
        self._page = page
        self._requests = requests
        self._connection = connection
        self._rung = False

    def ring(self) -> None:
        """Note that there may be a request."""
        self._rung = True

    async def do_next(self) -> bool:
        """Do the oldest request; return False if there is none. The page must be ready."""
        if not self._rung:
            return False
        request = await self._requests.next_pending(self._connection)
        self._rung = request is not None
        if request is None:
            return False
        try:
            answer = await self._do(request)
        except PageCallError as error:
            logger.warning("{} failed: {} {}", request.errand, error.name, error.code or "")
            await self._requests.answer(request, error=error.code or error.name)
        else:
            await self._requests.answer(request, answer)
        return True

    async def _do(self, request: PageRequest) -> Any:
        match request.errand:
            case Errand.GROUPS:
                groups = await self._page.groups()
                return [each.model_dump(by_alias=True, exclude_none=True) for each in groups]
            case Errand.READ:
                return {"unread": await self._page.mark_read(request.chat_id or "")}
            case Errand.TYPING:
                span = timedelta(seconds=request.seconds or 0)
                return {"shown": await self._page.show_typing(request.chat_id or "", span)}

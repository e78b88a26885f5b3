"""See in the simulated service which page of a device sends, and whether it still may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from tests.whatsapp_web.page_socket import Frame, PageSocket
from tests.whatsapp_web.service import Service

Handler = Callable[[PageSocket, Frame], Awaitable[Any]]


@dataclass(frozen=True)
class Late:
    """A send by a page after another page had become its device."""

    device: str
    message: str
    accepted: bool


class Witness:
    """Stands between the pages and the service, and writes down who proves a login and who sends.

    Two live pages of one device both send exactly when a page sends that is not the last one
    to have proved the device's login.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._newest: dict[str, PageSocket] = {}
        self._senders: set[int] = set()
        self._kept: list[PageSocket] = []  # so that no id is used twice
        self._patches = ExitStack()
        self.late: list[Late] = []
        self.most_open = 0

    @property
    def pages_that_sent(self) -> int:
        """How many pages have sent at least one message."""
        return len(self._senders)

    def __enter__(self) -> Witness:
        login, device = self._service.login.handlers, self._service._device.handlers
        self._patches.enter_context(patch.dict(login, prove=self._proving(login["prove"])))
        self._patches.enter_context(patch.dict(device, send=self._sending(device["send"])))
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    def _proving(self, prove: Handler) -> Handler:
        async def watched(page: PageSocket, frame: Frame) -> Any:
            answer = await prove(page, frame)
            if page.proved is not None:
                self._newest[page.proved] = page
            self.most_open = max(self.most_open, self._open(page.claimed))
            return answer

        return watched

    def _sending(self, send: Handler) -> Handler:
        async def watched(page: PageSocket, frame: Frame) -> Any:
            device = page.claimed or ""
            late = self._newest.get(device) is not page
            self._senders.add(id(page))
            self._kept.append(page)
            try:
                answer = await send(page, frame)
            except Exception:
                self._note(late, device, frame, accepted=False)
                raise
            self._note(late, device, frame, accepted=True)
            return answer

        return watched

    def _note(self, late: bool, device: str, frame: Frame, *, accepted: bool) -> None:
        if late:
            self.late.append(Late(device, str(frame["message"].get("body")), accepted))

    def _open(self, device: str | None) -> int:
        return sum(socket.claimed == device for socket in self._service._sockets)

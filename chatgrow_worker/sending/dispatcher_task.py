"""Run a page's dispatcher as a task, but only while the page can send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatgrow_worker.sending.dispatcher import Dispatcher


class DispatcherTask:
    """Start a dispatcher, stop it after the current message, or cancel it."""

    def __init__(
        self,
        make_dispatcher: Callable[[], Dispatcher],
        doorbell: asyncio.Event,
        page_bell: asyncio.Event,
        name: str,
    ) -> None:
        self._make_dispatcher = make_dispatcher
        self._doorbell = doorbell
        self._page_bell = page_bell
        self._name = name
        self._dispatcher: Dispatcher | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._line_died = False

    @property
    def running(self) -> bool:
        """Whether the dispatcher runs."""
        return self._task is not None

    @property
    def stalled(self) -> bool:
        """Whether sends stay unacknowledged."""
        return self._dispatcher is not None and self._dispatcher.stalled

    @property
    def stalls_at(self) -> float | None:
        """When the current send counts as unacknowledged, on the monotonic clock."""
        return self._dispatcher.stalls_at if self._dispatcher is not None else None

    @property
    def idle(self) -> bool:
        """Whether the dispatcher runs and no message is due."""
        return self._dispatcher is not None and self._dispatcher.idle

    def start(self) -> None:
        """Start a new dispatcher."""
        self._stop = asyncio.Event()
        self._dispatcher = self._make_dispatcher()
        self._task = asyncio.create_task(
            self._dispatcher.run(self._doorbell, self._stop, blamed=not self._line_died),
            name=f"dispatcher {self._name}",
        )
        self._task.add_done_callback(lambda _task: self._page_bell.set())

    def check(self) -> None:
        """Raise the error that the dispatcher ended with; it may also end without one."""
        if self._task is not None and self._task.done():
            self._task.result()
            self._task = self._dispatcher = None

    async def stop(self) -> None:
        """Stop after the current message, if the page's line allows; raise the dispatcher's error.

        Messages that stayed claimed because the line died are not blamed at the next start.
        """
        task, self._task = self._task, None
        dispatcher, self._dispatcher = self._dispatcher, None
        if task is not None and dispatcher is not None:
            self._stop.set()
            await asyncio.wait({task})
            self._line_died = dispatcher.line_died
            if not task.cancelled():
                task.result()

    def acknowledged(self) -> None:
        """Note that WhatsApp has acknowledged a message that had become unknown."""
        if self._dispatcher is not None:
            self._dispatcher.acknowledged()

    def cut(self) -> None:
        """Cancel the dispatcher at once, even during a send."""
        if self._task is not None:
            self._task.cancel()

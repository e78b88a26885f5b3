"""Run a page's dispatcher while the page can send, and not a moment longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from chatgrow_worker.sending.dispatcher import Dispatcher


class Sender:
    """Starts a dispatcher, ends it after the message in hand, or cuts it off."""

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
        """Whether messages go out now."""
        return self._task is not None

    @property
    def stalled(self) -> bool:
        """Whether what goes out stays unacknowledged."""
        return self._dispatcher is not None and self._dispatcher.stalled

    @property
    def stalls_at(self) -> float | None:
        """When what is on its way counts as unacknowledged, on the monotonic clock."""
        return self._dispatcher.stalls_at if self._dispatcher is not None else None

    @property
    def idle(self) -> bool:
        """Whether messages could go out and none is there."""
        return self._dispatcher is not None and self._dispatcher.idle

    def start(self) -> None:
        """Let messages go out."""
        self._stop = asyncio.Event()
        self._dispatcher = self._make_dispatcher()
        self._task = asyncio.create_task(
            self._dispatcher.run(self._doorbell, self._stop, blamed=not self._line_died),
            name=f"dispatcher {self._name}",
        )
        self._task.add_done_callback(lambda _task: self._page_bell.set())

    def check(self) -> None:
        """Raise what the dispatcher ended with; one that holds a connection back ends without."""
        if self._task is not None and self._task.done():
            self._task.result()
            self._task = self._dispatcher = None

    async def stop(self) -> None:
        """Let the message in hand be finished, if the page's line allows; raise what it ended with.

        What a line that died has left in hand is looked up at the next start, and not blamed.
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
        """Say that WhatsApp has acknowledged a send that had been given up."""
        if self._dispatcher is not None:
            self._dispatcher.acknowledged()

    def cut(self) -> None:
        """Let nothing more go out, whatever is in hand."""
        if self._task is not None:
            self._task.cancel()

"""Serve the simulated WhatsApp Web in a thread, for longer than the tasks of a test may live."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.whatsapp_web.server import WhatsAppWeb, whatsapp_web


@contextmanager
def whatsapp_web_beside(data: Path) -> Iterator[WhatsAppWeb]:
    """Serve until the block ends, in an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="whatsapp-web")
    thread.start()
    serving = whatsapp_web(data)
    try:
        web = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
        yield web
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

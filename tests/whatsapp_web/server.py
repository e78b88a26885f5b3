"""Start and stop the simulated WhatsApp Web on a loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from tests.whatsapp_web.control import Control, errors_as_json
from tests.whatsapp_web.pages import Pages, read_files
from tests.whatsapp_web.service import Service

HOST = "127.0.0.1"
MAX_UPLOAD_BYTES = 100 << 20


@dataclass(frozen=True)
class WhatsAppWeb:
    """A running server: where it is, and the service behind it for tests in the same process."""

    url: str
    service: Service


@asynccontextmanager
async def whatsapp_web(data: Path, port: int = 0) -> AsyncIterator[WhatsAppWeb]:
    """Serve until the block ends; port 0 means any free one. The data outlives the server."""
    service = Service(data)
    await service.open()
    files = await asyncio.to_thread(read_files)
    runner = web.AppRunner(_app(service, files), access_log=None, shutdown_timeout=2)
    try:
        await runner.setup()
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        bound = runner.addresses[0][1]
        yield WhatsAppWeb(url=f"http://{HOST}:{bound}", service=service)
    finally:
        await service.close()
        await runner.cleanup()


def _app(service: Service, files: Mapping[str, str]) -> web.Application:
    app = web.Application(middlewares=[errors_as_json], client_max_size=MAX_UPLOAD_BYTES)
    app.add_routes(Control(service).routes())
    app.add_routes(Pages(files, service.media, service.faults).routes())
    app.add_routes([web.get("/ws/chat", service.serve_page)])
    return app

"""Serve the page: its HTML with a strict policy, its scripts, and the media store."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from aiohttp import web

from tests.whatsapp_web.faults import FaultBook
from tests.whatsapp_web.media import MediaStore

PAGE = Path(__file__).parent / "page"
SCRIPTS = (PAGE / "scripts.txt").read_text(encoding="utf-8").split()
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' blob: data:; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Pages:
    """The static side of the simulated WhatsApp Web."""

    def __init__(self, media: MediaStore, faults: FaultBook) -> None:
        self._media = media
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        """Return the routes that browsers ask."""
        return [
            web.get("/", self.index),
            web.get("/static/{name}", self.static),
            web.post("/mms/{kind}", self.upload),
            web.get("/mms/{id}", self.download),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """Serve the page, or the refusal that a headless browser gets."""
        await asyncio.sleep(self._faults.of(None).page_load_ms / 1000)
        refused = "HeadlessChrome" in request.headers.get("User-Agent", "")
        nonce = secrets.token_urlsafe(16)
        template = (PAGE / ("refused.html" if refused else "index.html")).read_text("utf-8")
        tags = "\n".join(
            f'<script nonce="{nonce}" src="/static/{name}"></script>' for name in SCRIPTS
        )
        html = template.replace("{{nonce}}", nonce).replace("{{scripts}}", tags)
        headers = {
            "Content-Security-Policy": POLICY.format(nonce=nonce),
            "Cache-Control": "no-store",
        }
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def static(self, request: web.Request) -> web.Response:
        """Serve a script or the style sheet."""
        name = request.match_info["name"]
        kind = {"js": "text/javascript", "css": "text/css"}.get(name.rpartition(".")[2])
        path = PAGE / name
        if kind is None or path.parent != PAGE or not path.is_file():
            raise web.HTTPNotFound
        return web.Response(text=path.read_text("utf-8"), content_type=kind, charset="utf-8")

    async def upload(self, request: web.Request) -> web.Response:
        """Store an uploaded file and answer with its address and hash."""
        content = await request.read()
        mimetype = request.headers.get("Content-Type", "application/octet-stream")
        stored = await self._media.put(content, mimetype)
        return web.json_response({"id": stored.id, "sha256": stored.sha256})

    async def download(self, request: web.Request) -> web.Response:
        """Give a stored file back."""
        stored = await self._media.get(request.match_info["id"])
        if stored is None:
            raise web.HTTPNotFound
        return web.Response(body=stored.content, content_type=stored.mimetype.split(";")[0])

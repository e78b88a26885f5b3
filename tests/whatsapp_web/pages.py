"""Serve the page: its HTML with a strict policy, its scripts, and the media store."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from tests.whatsapp_web.faults import FaultBook, Faults
from tests.whatsapp_web.media import MediaStore

PAGE = Path(__file__).parent / "page"
REVISION = 1039000000
"""The page's version; its tags name it as the manifest of their bundle (HTML pages of 2026-09)."""
CONTENT_TYPES = {"js": "text/javascript", "css": "text/css"}
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' blob: data:; "
    "font-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def read_files() -> dict[str, str]:
    """Read the files that make up the page, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in PAGE.iterdir()}


class Pages:
    """The static side of the simulated WhatsApp Web."""

    def __init__(self, files: Mapping[str, str], media: MediaStore, faults: FaultBook) -> None:
        self._files = files
        self._media = media
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        """Return the routes that browsers ask."""
        return [
            web.get("/", self.index),
            web.get("/sw.js", self.service_worker),
            web.get("/status.json", self.status),
            web.get("/static/{name}", self.static),
            web.post("/mms/{kind}", self.upload),
            web.get("/mms/{id}", self.download),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """Serve the page, or the refusal that a headless browser gets."""
        faults = self._faults.of(None)
        await asyncio.sleep(faults.page_load_ms / 1000)
        refused = "HeadlessChrome" in request.headers.get("User-Agent", "")
        nonce = secrets.token_urlsafe(16)
        template = self._files["refused.html" if refused else "index.html"]
        without = " ".join(faults.module_missing)
        attributes = f' data-btmanifest="{REVISION}_main" data-without="{without}"'
        tags = "\n".join(
            f'<script nonce="{nonce}" src="/static/{name}"{attributes}></script>'
            for name in ([] if faults.broken_html else self._files["scripts.txt"].split())
        )
        filled = {
            "nonce": nonce,
            "scripts": tags,
            "version": str(faults.html_version),
            "deferredMs": str(faults.deferred_ms),
        }
        html = template
        for name, text in filled.items():
            html = html.replace(f"{{{{{name}}}}}", text)
        headers = {
            "Content-Security-Policy": POLICY.format(nonce=nonce),
            "Cache-Control": "no-store",
        }
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def status(self, request: web.Request) -> web.Response:
        """Answer whoever asks whether there is a network; without one there is no answer."""
        if self._of(request).drop_network and request.transport is not None:
            request.transport.abort()
        return web.json_response({})

    async def static(self, request: web.Request) -> web.Response:
        """Serve a script or the style sheet."""
        name = request.match_info["name"]
        content_type = CONTENT_TYPES.get(name.rpartition(".")[2])
        if content_type is None or name not in self._files:
            raise web.HTTPNotFound
        text = self._files[name]
        return web.Response(text=text, content_type=content_type, charset="utf-8")

    async def service_worker(self, request: web.Request) -> web.Response:
        """Serve the script of the service worker, or refuse a headless browser's."""
        if "HeadlessChrome" in request.headers.get("User-Agent", ""):
            raise web.HTTPForbidden
        return web.Response(text=self._files["sw.js"], content_type="text/javascript")

    async def upload(self, request: web.Request) -> web.Response:
        """Store an uploaded file and answer with its address and hash."""
        faults = self._of(request)
        if faults.drop_network or faults.upload_fails:
            raise web.HTTPServiceUnavailable
        content = await request.read()
        await asyncio.sleep(faults.upload_delay_ms / 1000)
        mimetype = request.headers.get("Content-Type", "application/octet-stream")
        stored = await self._media.put(content, mimetype)
        return web.json_response({"id": stored.id, "sha256": stored.sha256})

    async def download(self, request: web.Request) -> web.Response:
        """Give a stored file back, unless it has expired and no phone has put it here again."""
        media_id = request.match_info["id"]
        stored = await self._media.get(media_id)
        if stored is None:
            raise web.HTTPNotFound
        if self._of(request).media_expired and not self._media.is_there_again(media_id):
            raise web.HTTPGone
        return web.Response(body=stored.content, content_type=stored.mimetype.split(";")[0])

    def _of(self, request: web.Request) -> Faults:
        """Return the faults of the number that a page names in its question."""
        number = request.query.get("number", "").partition("@")[0]
        return self._faults.of(number or None)

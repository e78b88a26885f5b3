"""Scripts, styles and pictures, under an address that changes whenever one of them does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from aiohttp import web

_TYPES: Mapping[str, str] = MappingProxyType(
    {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
)
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class StaticFiles:
    """All static files, in memory; one version for all, so that scripts import their neighbours."""

    by_name: Mapping[str, bytes]
    version: str

    @classmethod
    @cache
    def load(cls) -> StaticFiles:
        """Read the files of the package, once in a process."""
        by_name = dict(sorted(_walk(files("control_api.pages") / "static", "")))
        digest = hashlib.sha256()
        for name, content in by_name.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return cls(by_name, digest.hexdigest()[:16])

    async def serve(self, request: web.Request) -> web.Response:
        """Answer with a file; one asked for by an older version's address is not to be kept."""
        name = request.match_info["name"]
        if name not in self.by_name:
            raise web.HTTPNotFound
        current = request.match_info["version"] == self.version
        return web.Response(
            body=self.by_name[name],
            content_type=_TYPES[name.rsplit(".", 1)[-1]],
            charset="utf-8",
            headers={
                "Cache-Control": _FOR_EVER if current else "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.rsplit(".", 1)[-1] in _TYPES:
            yield prefix + entry.name, entry.read_bytes()

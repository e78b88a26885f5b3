"""Tell from a request's Accept header whether a page or JSON is wanted."""

from __future__ import annotations

import re

from aiohttp import hdrs, web

_RANGE = re.compile(r"\s*([^\s;,]+)\s*(?:;(?:[^,]*;)?\s*q=([01](?:\.[0-9]{0,3})?)\s*)?")


def prefers_page(request: web.Request) -> bool:
    """Tell whether the request names text/html, and no other kind that it likes better."""
    accepted = {
        found[1].lower(): float(found[2] or 1)
        for part in request.headers.get(hdrs.ACCEPT, "").split(",")
        if (found := _RANGE.match(part))
    }
    page = accepted.get("text/html", 0)
    return page > 0 and page >= accepted.get("application/json", 0)

"""The security headers of every response; a page that needs others sets its own."""

from __future__ import annotations

from collections.abc import MutableMapping

from aiohttp import hdrs

_ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ONE_YEAR = 31_536_000


def protect(headers: MutableMapping[str, str], path: str, *, https: bool) -> None:
    """Add the headers that are missing, and hide the names of our software."""
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    if path == "/api" or path.startswith("/api/"):
        headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    if https:
        headers.setdefault("Strict-Transport-Security", f"max-age={_ONE_YEAR}")
    # aiohttp would send its own version and Python's.
    headers[hdrs.SERVER] = "ChatGrow"

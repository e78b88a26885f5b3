"""What every page has: its language, its frame, its files, and what a browser may do on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from control_api.pages.languages import COOKIE, Language, Texts, wanted_language
from control_api.pages.static_files import StaticFiles

_TEXTS = web.AppKey("texts", dict[Language, Texts])
_STATIC = web.AppKey("static", StaticFiles)
_LANGUAGE_KEPT_FOR = timedelta(days=365)

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": _POLICY,
        # An address can be a secret, as that of a link is.
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Vary": "Accept-Language, Cookie",
    }
)


def set_up_pages(app: web.Application) -> None:
    """Give the application its templates, texts and static files."""
    static = StaticFiles.load()
    app[aiohttp_jinja2.APP_KEY] = _templates()
    app[_TEXTS] = {language: Texts.load(language) for language in Language}
    app[_STATIC] = static
    app.router.add_get("/static/{version}/{name:.+}", static.serve)


@cache
def _templates() -> Environment:
    """Return the templates; what is compiled of them serves all applications of a process."""
    return Environment(
        loader=PackageLoader("control_api.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(
    request: web.Request,
    template: str,
    context: Mapping[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
) -> web.Response:
    """Render a page in the language that the request wants."""
    language = wanted_language(request)
    root = root_of(request)
    shell = {
        "t": request.app[_TEXTS][language],
        "language": language,
        "languages": request.app[_TEXTS],
        "root": root,
        "static": f"{root}static/{request.app[_STATIC].version}",
    }
    response = aiohttp_jinja2.render_template(template, request, shell | dict(context))
    response.set_status(status)
    response.headers.update(PAGE_HEADERS)
    response.headers["Content-Language"] = language
    if "lang" in request.query:
        response.set_cookie(
            COOKIE,
            language,
            max_age=int(_LANGUAGE_KEPT_FOR.total_seconds()),
            httponly=True,
            samesite="Lax",
        )
    return response


def root_of(request: web.Request) -> str:
    """Return the way from this page to the root, right behind a proxy that adds a prefix, too."""
    return "../" * (request.path.count("/") - 1) or "./"

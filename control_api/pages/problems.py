"""Problems as pages: who opens an address in a browser is not answered in JSON."""

from __future__ import annotations

import json
from collections.abc import Set
from http import HTTPStatus

from aiohttp import hdrs, web

from control_api.http.accepting import prefers_page
from control_api.http.problems import PROBLEM_TYPE, Handler
from control_api.pages.shell import page

PAGES = web.AppKey("pages", Set[str])
"""The routes whose answers people read."""
SHARED = web.AppKey("shared", Set[str])
"""The routes that answer with a page only if the request prefers one."""


@web.middleware
async def problems_as_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn the problem that a page's route answers with into a page; it stands outermost."""
    answer = await handler(request)
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else ""
    shared = path in request.app[SHARED]
    if shared and not answer.prepared:
        answer.headers[hdrs.VARY] = ", ".join(
            filter(None, (hdrs.ACCEPT, answer.headers.get(hdrs.VARY)))
        )
    if not isinstance(answer, web.Response) or answer.content_type != PROBLEM_TYPE:
        return answer
    if path not in request.app[PAGES] and not (shared and prefers_page(request)):
        return answer
    code = json.loads(answer.text or "{}").get("code")
    told = page(request, "problem.html", {"code": code}, HTTPStatus(answer.status))
    if hdrs.RETRY_AFTER in answer.headers:
        told.headers[hdrs.RETRY_AFTER] = answer.headers[hdrs.RETRY_AFTER]
    return told

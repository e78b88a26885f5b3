"""What WhatsApp serves when a page is opened: a document, or an error."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from http import HTTPStatus

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Response

from chatgrow_worker.page.answering import Document
from chatgrow_worker.page.errors import PageBrokenError
from sessions.connections.states import Reason

_KEPT_HEADERS = (
    "content-type",
    "content-security-policy",
    "content-security-policy-report-only",
    "cross-origin-embedder-policy",
    "cross-origin-embedder-policy-report-only",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "document-policy",
    "origin-agent-cluster",
    "permissions-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-frame-options",
)
"""The headers that belong to a document: no cookies, and none about its transfer."""


def refuse_errors(answer: Response | None) -> None:
    """Raise PageBrokenError if WhatsApp or a proxy answers with an error."""
    if answer is not None and answer.status >= HTTPStatus.BAD_REQUEST:
        raise PageBrokenError(
            Reason.PAGE_UNREACHABLE, f"{answer.url}: answered {answer.status} {answer.status_text}"
        )


async def document_of(answer: Response, limit: timedelta) -> Document | None:
    """Return the document with its policy headers; None if the page has left it meanwhile."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            body, headers = await answer.body(), await answer.all_headers()
    except (PlaywrightError, TimeoutError):
        return None  # another page can be saved later
    return Document(body, {name: headers[name] for name in _KEPT_HEADERS if name in headers})

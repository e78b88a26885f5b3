"""Take tables as text/csv, and give them as files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from business.imports import Imported
from control_api.auth.identity import owner_of
from control_api.http.bodies import receive
from control_api.http.problems import UnsupportedMediaTypeError
from control_api.operations.business import business_of, done, ticket_of
from control_api.schemas.business.fields import RequestHeaders
from control_api.schemas.business.imports import ImportReport

CSV = "text/csv"
_LARGEST = 16 * 1024 * 1024
"""Bytes of a table."""


async def import_table(
    request: web.Request,
    headers: RequestHeaders,
    store: Callable[[str, bytes], Awaitable[Imported]],
) -> web.Response:
    """Store a table and report on each line that was refused; a repeated request gets that again.

    Raises UnsupportedMediaTypeError, FileUnreadableError and what `receive` does.
    """
    if request.content_type != CSV:
        raise UnsupportedMediaTypeError(f"Send the table as Content-Type: {CSV}.")
    table = await receive(request, _LARGEST)
    ticket = await ticket_of(request, headers)
    if ticket.answer is not None:
        return done(ImportReport.model_validate_json(ticket.answer), ticket)
    report = ImportReport.of(await store(owner_of(request), table))
    await business_of(request).requests.close(ticket, report.model_dump_json(by_alias=True))
    return done(report, ticket)


def file(table: bytes, name: str) -> web.Response:
    """Return a table as a file."""
    disposition = f'attachment; filename="{name}.csv"'
    return web.Response(
        body=table,
        content_type=CSV,
        charset="utf-8",
        headers={"Content-Disposition": disposition},
    )

"""Handlers for files: upload one to send it, and download one that was sent or received."""

from __future__ import annotations

import re
from contextlib import aclosing
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import hdrs, web

from control_api.auth.identity import any_message_of, caller_of, owner_of, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.problems import RangeError
from control_api.http.requests import answer
from control_api.http.uploads import receive_file
from control_api.schemas.media import FileAsked, MediaView
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.conversations.model import MediaState
from sessions.conversations.received_files import NoFileToFetchError
from sessions.media.errors import MediaNotFoundError, MediaTooLargeError
from sessions.media.model import StoredMedia
from sessions.media.store import NewMedia
from sessions.messages.model import Message

routes = Endpoints("Media", owned=True)
_BYTES = {"*/*": None}
_BYTE_RANGE = "bytes="
_LAST_NONE = re.compile(r"bytes=-0+")


@routes.post(
    "/api/whatsapp/media",
    needs=Scope.SEND,
    answers={201: MediaView},
    problems=("media_too_large", "media_empty", "media_quota_exceeded", "media_key_missing"),
    takes_file=True,
)
async def upload(request: web.Request) -> web.Response:
    """Store a file: the body is the file itself, or a form with the file in it.

    It is encrypted and stored while it arrives. Send it with its `mediaId`.
    """
    media = request.app[SERVICES].media
    largest = media.limits.largest
    try:
        file = await receive_file(request, largest)
    except web.HTTPRequestEntityTooLarge as error:
        raise MediaTooLargeError(largest) from error
    caller = caller_of(request)
    new = NewMedia(
        owner_of(request),
        filename=file.filename,
        said_type=file.content_type,
        api_key=None if caller.connections is None else caller.key_id,
    )
    stored = await media.add(new, file.content)
    location = {"Location": f"/api/whatsapp/media/{stored.id}"}
    return answer(MediaView.of(stored, media.filename_of(stored)), HTTPStatus.CREATED, location)


@routes.get(
    "/api/whatsapp/media/{id}",
    needs=Scope.READ,
    answers={200: _BYTES, 206: _BYTES},
    problems=("media_not_found", "media_key_missing", "media_damaged", "range_not_satisfiable"),
)
async def download(request: web.Request) -> web.StreamResponse:
    """Download a file, or with the header `Range` a part of it."""
    store = request.app[SERVICES].media
    media = await _media_of(request, request.match_info["id"])
    start, end = _range(request, media.metadata.size)
    # The first piece is read before the answer begins, so that a damaged file is an error.
    async with aclosing(store.read(media, start, end)) as pieces:
        first = await anext(pieces)
        response = _response(media, store.filename_of(media), start, end)
        await response.prepare(request)
        if request.method != hdrs.METH_HEAD:
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
    return response


@routes.post(
    "/api/whatsapp/messages/{id}/media",
    needs=Scope.READ,
    answers={202: FileAsked},
    problems=("message_not_found", "no_file_to_fetch"),
)
async def fetch_again(request: web.Request) -> web.Response:
    """Fetch the file of a received message again, such as one that was too large or had expired."""
    services = request.app[SERVICES]
    found = await any_message_of(request, request.match_info["id"])
    if isinstance(found, Message):
        raise NoFileToFetchError(found.id, None)
    asked = await services.received_files.ask_again(found)
    await services.doorbell.ring_owner(await services.connections.get(found.connection))
    state = asked.media.state if asked.media else MediaState.PENDING
    return answer(FileAsked(message_id=asked.id, state=state), HTTPStatus.ACCEPTED)


async def _media_of(request: web.Request, media_id: str) -> StoredMedia:
    """Return a file that the caller may see; raise MediaNotFoundError."""
    found = await request.app[SERVICES].media.find(seen_owner(request), media_id)
    caller = caller_of(request)
    if not found.is_open_to(caller.connections, caller.key_id):
        raise MediaNotFoundError(media_id)
    return found


def _range(request: web.Request, size: int) -> tuple[int, int]:
    """Return which bytes are asked for, the end not included; raise RangeError.

    A range in another unit than bytes is ignored (RFC 9110, section 14.2).
    """
    if not request.headers.get(hdrs.RANGE, "").startswith(_BYTE_RANGE):
        return 0, size
    try:
        asked = request.http_range
    except ValueError:
        raise RangeError(size) from None
    start, end, _ = asked.indices(size)
    # aiohttp takes the last 0 bytes, which no file can give, for all bytes.
    if start >= end or _LAST_NONE.fullmatch(request.headers[hdrs.RANGE]):
        raise RangeError(size)
    return start, end


def _response(media: StoredMedia, name: str | None, start: int, end: int) -> web.StreamResponse:
    about = media.metadata
    partial = end - start < about.size
    response = web.StreamResponse(status=HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
    response.content_type = about.mimetype
    response.content_length = end - start
    if partial:
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{about.size}"
    response.headers[hdrs.ACCEPT_RANGES] = "bytes"
    named = f"; filename*=UTF-8''{quote(name, safe='')}" if name else ""
    response.headers[hdrs.CONTENT_DISPOSITION] = f"attachment{named}"
    return response

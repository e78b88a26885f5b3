"""Files: upload one to send it, download one that was sent or received."""

from __future__ import annotations

from datetime import timedelta

from chatgrow_client.calls import Call, as_it_comes, model, path, post
from chatgrow_client.files import DownloadRequest, File, FileContent
from chatgrow_client.group import Group, Transport, method, stream
from chatgrow_client.models import FileAsked, MediaView

_ALL = "/api/whatsapp/media"
_STORED_WITHIN = timedelta(minutes=5)
"""How long the API may take to store a large file once it is there."""


class Media(Group[Transport]):
    """Upload and download files."""

    @method
    def upload(
        self, file: File, *, filename: str | None = None, mimetype: str | None = None
    ) -> Call[MediaView]:
        """Store a file: a path, bytes, or a file that is open for reading bytes.

        It is read while it is sent. Send it with `MediaRequest(media_id=…)`. What it is, the API
        finds out itself; `mimetype` helps where its content does not tell.
        """
        # What was stored twice costs nothing: a file that no message uses is removed.
        content = FileContent(file, filename, mimetype)
        return post(_ALL, model(MediaView), content, idempotent=True, timeout=_STORED_WITHIN)

    @stream
    def download(self, media_id: str) -> DownloadRequest:
        """Download a file: `with client.media.download(media_id) as file: file.save(path)`."""
        return DownloadRequest(as_it_comes(path(f"{_ALL}/{{}}", media_id)))

    @method
    def fetch_again(self, message_id: str) -> Call[FileAsked]:
        """Fetch the file of a received message again, if it was too large or had expired."""
        where = path("/api/whatsapp/messages/{}/media", message_id)
        return post(where, model(FileAsked), idempotent=True)

"""The models of stored files."""

from __future__ import annotations

from control_api.schemas.base import Answer
from sessions.common.json_values import WrittenTimestamp
from sessions.conversations.model import MediaState
from sessions.media.model import StoredMedia


class FileAsked(Answer):
    """POST …/messages/{id}/media: the file is fetched when the connection's page can."""

    message_id: str
    state: MediaState


class MediaView(Answer):
    """A stored file: `mimetype` is what its content is, whatever it was called.

    It is removed at `expiresAt`, or later if a message uses it.
    """

    media_id: str
    sha256: str
    mimetype: str
    size: int
    filename: str | None = None
    expires_at: WrittenTimestamp

    @classmethod
    def of(cls, media: StoredMedia, filename: str | None) -> MediaView:
        """Show a file."""
        about = media.metadata
        return cls(
            media_id=media.id,
            sha256=about.sha256,
            mimetype=about.mimetype,
            size=about.size,
            filename=filename,
            expires_at=about.expires_at,
        )

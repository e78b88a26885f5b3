"""Saved sessions: browser profiles that hold a login, encrypted, in MongoDB's GridFS."""

from sessions.blobs.eraser import BlobEraser
from sessions.blobs.errors import (
    IncompleteProfileError,
    NotSavedError,
    ProfileTooLargeError,
    SaveConflictError,
    UploadDamagedError,
)
from sessions.blobs.login import is_complete
from sessions.blobs.placing import clear_leftovers
from sessions.blobs.records import COMMIT_WITHIN, Blob, BlobKind
from sessions.blobs.saving import Saved
from sessions.blobs.settings import BlobSettings
from sessions.blobs.store import BlobStore

__all__ = [
    "COMMIT_WITHIN",
    "Blob",
    "BlobEraser",
    "BlobKind",
    "BlobSettings",
    "BlobStore",
    "IncompleteProfileError",
    "NotSavedError",
    "ProfileTooLargeError",
    "SaveConflictError",
    "Saved",
    "UploadDamagedError",
    "clear_leftovers",
    "is_complete",
]

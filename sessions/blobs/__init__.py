"""Saved sessions: browser profiles that hold a login, encrypted, in MongoDB's GridFS."""

from sessions.blobs.errors import (
    IncompleteProfileError,
    NotSavedError,
    ProfileTooLargeError,
    SaveConflictError,
    UploadDamagedError,
)
from sessions.blobs.login_files import clear_leftovers, is_complete
from sessions.blobs.records import COMMIT_WITHIN, Blob, BlobKind
from sessions.blobs.store import BlobEraser, BlobStore
from sessions.blobs.transfer import Saved

__all__ = [
    "COMMIT_WITHIN",
    "Blob",
    "BlobEraser",
    "BlobKind",
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

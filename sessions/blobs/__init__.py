"""Saved sessions: browser profiles that hold a login, encrypted, in MongoDB's GridFS."""

from sessions.blobs.eraser import BlobEraser
from sessions.blobs.errors import (
    BlobError,
    BlobReason,
    IncompleteProfileError,
    NotSavedError,
    ProfileTooLargeError,
    SaveConflictError,
    UploadDamagedError,
)
from sessions.blobs.keys import KeyRing, open_key_ring
from sessions.blobs.login import is_complete
from sessions.blobs.placing import clear_leftovers
from sessions.blobs.records import COMMIT_WITHIN, Blob, BlobKind
from sessions.blobs.saving import Saved
from sessions.blobs.settings import BlobSettings
from sessions.blobs.store import BlobStore
from sessions.blobs.values import is_under_first_key, open_value, seal_value

__all__ = [
    "COMMIT_WITHIN",
    "Blob",
    "BlobEraser",
    "BlobError",
    "BlobKind",
    "BlobReason",
    "BlobSettings",
    "BlobStore",
    "IncompleteProfileError",
    "KeyRing",
    "NotSavedError",
    "ProfileTooLargeError",
    "SaveConflictError",
    "Saved",
    "UploadDamagedError",
    "clear_leftovers",
    "is_complete",
    "is_under_first_key",
    "open_key_ring",
    "open_value",
    "seal_value",
]

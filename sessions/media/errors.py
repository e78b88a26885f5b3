"""Why a file is refused, or cannot be read."""

from __future__ import annotations

from sessions.common.errors import DomainError


class MediaNotFoundError(DomainError):
    """No file of this owner has that id."""

    code = "media_not_found"

    def __init__(self, media_id: str) -> None:
        super().__init__(f"There is no file {media_id!r}. Files are removed some time after use.")


class MediaTooLargeError(DomainError):
    """The file is larger than files may be."""

    code = "media_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than {limit} bytes, which is the limit.")
        self.members = {"limit": limit}


class MediaEmptyError(DomainError):
    """The file has no bytes."""

    code = "media_empty"
    text = "The file is empty: it has 0 bytes."


class MediaQuotaError(DomainError):
    """The owner's files would take more room than one owner has."""

    code = "media_quota_exceeded"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The files of one owner may have {limit} bytes together, and this one would exceed "
            "that. Files are removed some time after use."
        )
        self.members = {"limit": limit}


class UnsuitableMediaError(DomainError):
    """WhatsApp does not show a file of this type as what it is to be sent as."""

    code = "media_unsuitable"


class MediaKeyMissingError(DomainError):
    """There are no keys here, or not the one with which the file is encrypted."""

    code = "media_key_missing"
    text = (
        "The file cannot be encrypted or decrypted: this process lacks the key. The operator "
        "has to set SESSION_ENCRYPTION_KEYS for the API and the workers."
    )


class MediaDamagedError(DomainError):
    """A stored file does not verify, or a part of it is missing."""

    code = "media_damaged"

    def __init__(self, media_id: str) -> None:
        super().__init__(f"The stored file {media_id!r} is damaged.")

"""What can be wrong with a session blob or with the profile it shall be made from."""

from sessions.common.errors import DomainError


class NotSavedError(DomainError):
    """A profile was not saved, and nothing has changed; the lease is not the cause."""

    code = "session_not_saved"


class IncompleteProfileError(NotSavedError):
    """The profile lacks a part of its login, or changed while it was read: it is not saved."""

    code = "incomplete_profile"


class ProfileTooLargeError(NotSavedError):
    """The profile holds more than a blob may."""

    code = "profile_too_large"


class SaveConflictError(NotSavedError):
    """Another save of this connection came first, or this one took too long; it is not saved."""

    code = "save_conflict"


class UploadDamagedError(NotSavedError):
    """What was uploaded did not read back as it was."""

    code = "upload_damaged"

"""Why a login was not saved."""

from sessions.common.errors import DomainError


class NotSavedError(DomainError):
    """A profile was not saved, and nothing has changed; the lease is not the cause."""

    code = "session_not_saved"


class IncompleteProfileError(NotSavedError):
    """A part of the login is missing, or the profile changed while it was read."""

    code = "incomplete_profile"


class ProfileTooLargeError(NotSavedError):
    """The profile is larger than a blob may be."""

    code = "profile_too_large"


class SaveConflictError(NotSavedError):
    """Another save of this connection came first, or this one took too long."""

    code = "save_conflict"


class UploadDamagedError(NotSavedError):
    """The uploaded file does not read back as it was written."""

    code = "upload_damaged"

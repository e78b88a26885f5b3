"""The setting of the session blobs."""

from pydantic import SecretStr

from sessions.settings import SharedSettings


class BlobSettings(SharedSettings):
    """What a program that saves or restores session blobs needs to know."""

    session_encryption_keys: SecretStr | None = None

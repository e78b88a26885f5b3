"""The setting of the session blobs."""

from pydantic import SecretStr

from sessions.config.settings import SharedSettings


class BlobSettings(SharedSettings):
    """What a program that saves or restores session blobs needs to know."""

    session_encryption_keys: SecretStr | None = None
    """Keys that encrypt saved logins and the passwords of proxies, `ID:BASE64` of 32 bytes each,
    comma-separated: the first one writes, all read. Without it a key file is made in the data
    directory, but not in production: there workers do not start without it, and the API takes no
    password of a proxy."""

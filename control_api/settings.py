"""Settings of the control API."""

from datetime import timedelta

from pydantic import Field, SecretStr

from sessions.settings import Lifetime, SharedSettings


class ApiSettings(SharedSettings):
    """Where the API listens, which key it starts with, and how people sign in."""

    host: str = "127.0.0.1"
    """The address that the API listens on."""
    port: int = Field(5000, ge=0, le=65535)
    """The port that the API listens on; 0 takes a free one."""
    initial_api_key: SecretStr | None = Field(None, min_length=32)
    """Your own first API key, 32 characters or more; without it one is made and printed once."""
    jwt_secret: SecretStr | None = None
    """Signs the tokens of people who sign in: 32 random characters or more, the same for every API
    process."""
    jwt_expires_in: Lifetime = Field(timedelta(days=7), gt=timedelta(0))
    """How long an access token works."""
    refresh_expires_in: Lifetime = Field(timedelta(days=30), gt=timedelta(0))
    """How long a sign-in can be continued without the password."""
    bcrypt_rounds: int = Field(12, ge=4, le=16)
    """The work in a password's hash, as a power of two."""
    allow_registration: bool = False
    """Whether anybody may register; otherwise an administrator lets people in."""

"""Settings of the control API."""

from datetime import timedelta

from pydantic import Field, SecretStr

from sessions.settings import Lifetime, SharedSettings


class ApiSettings(SharedSettings):
    """Where the API listens, which key it starts with, and how people sign in."""

    host: str = "127.0.0.1"
    port: int = Field(5000, ge=0, le=65535)
    initial_api_key: SecretStr | None = Field(None, min_length=32)
    jwt_secret: SecretStr | None = None
    jwt_expires_in: Lifetime = Field(timedelta(days=7), gt=timedelta(0))
    refresh_expires_in: Lifetime = Field(timedelta(days=30), gt=timedelta(0))
    bcrypt_rounds: int = Field(12, ge=4, le=16)
    allow_registration: bool = False

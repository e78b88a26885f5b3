"""Settings of the control API."""

from pydantic import Field, SecretStr

from sessions.settings import SharedSettings


class ApiSettings(SharedSettings):
    """Where the API listens and which key it starts with."""

    host: str = "127.0.0.1"
    port: int = Field(5000, ge=0, le=65535)
    initial_api_key: SecretStr | None = Field(None, min_length=32)

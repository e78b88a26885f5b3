"""The secret that signs tokens: the one that was set, or one of this machine in development."""

from __future__ import annotations

import secrets

from loguru import logger

from control_api.settings import ApiSettings
from sessions.common.errors import ConfigurationError
from sessions.encryption.key_file import read_or_make

_SHORTEST = 32
_FEWEST_DIFFERENT = 10


def signing_secret(settings: ApiSettings) -> str:
    """Return the secret; raise ConfigurationError for one that could be guessed.

    In development a weak one is taken with a warning, and none means one that is made once and
    kept in the data directory.
    """
    in_development = settings.app_env == "development"
    if settings.jwt_secret is None:
        if not in_development:
            raise ConfigurationError("JWT_SECRET is not set: give 32 random characters or more.")
        return read_or_make(settings.data_dir / "jwt.secret", secrets.token_urlsafe(48))
    secret = settings.jwt_secret.get_secret_value()
    if _is_weak(secret):
        text = "JWT_SECRET can be guessed: give 32 random characters or more."
        if not in_development:
            raise ConfigurationError(text)
        logger.warning("{} It is taken in development only.", text)
    return secret


def _is_weak(secret: str) -> bool:
    return len(secret) < _SHORTEST or len(set(secret)) < _FEWEST_DIFFERENT

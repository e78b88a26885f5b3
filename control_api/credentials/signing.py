"""The secret that signs tokens, and the keys that are derived from it."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from loguru import logger

from control_api.settings import ApiSettings
from sessions.common.errors import ConfigurationError
from sessions.encryption.key_file import read_or_make

_SHORTEST = 32
_FEWEST_DIFFERENT = 10


def signing_secret(settings: ApiSettings) -> str:
    """Return the secret; raise ConfigurationError if it could be guessed.

    In development a weak secret is accepted with a warning, and without one, a secret is created
    once and kept in the data directory.
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


def key_for(purpose: str, secret: str) -> bytes:
    """Derive a key for one purpose: a token that was signed for another one does not verify."""
    info = f"chatgrow {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret.encode())


def _is_weak(secret: str) -> bool:
    return len(secret) < _SHORTEST or len(set(secret)) < _FEWEST_DIFFERENT

"""Which secrets sign tokens, and how long tokens live."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from control_api.credentials.signing import signing_secret
from control_api.settings import ApiSettings
from sessions.common.errors import ConfigurationError

GOOD = "0123456789abcdefghijklmnopqrstuvwxyz"
PLACEHOLDER = "your-secret-key"


def _settings(folder: Path, secret: str | None, env: str) -> ApiSettings:
    chosen = None if secret is None else SecretStr(secret)
    return ApiSettings(_env_file=None, data_dir=folder, jwt_secret=chosen, app_env=env)


@pytest.mark.parametrize("env", ["development", "production", "test"])
def test_a_good_secret_is_taken_everywhere(tmp_path: Path, env: str) -> None:
    assert signing_secret(_settings(tmp_path, GOOD, env)) == GOOD


@pytest.mark.parametrize("weak", [PLACEHOLDER, "x" * 64, "short", "abcabc" * 10])
def test_a_weak_secret_is_for_development_only(tmp_path: Path, weak: str) -> None:
    assert signing_secret(_settings(tmp_path, weak, "development")) == weak
    for env in ("production", "test"):
        with pytest.raises(ConfigurationError, match="JWT_SECRET") as refused:
            signing_secret(_settings(tmp_path, weak, env))
        assert weak not in str(refused.value)


def test_without_a_secret_development_makes_one_and_keeps_it(tmp_path: Path) -> None:
    made = signing_secret(_settings(tmp_path, None, "development"))
    assert len(made) >= 32
    assert signing_secret(_settings(tmp_path, None, "development")) == made
    with pytest.raises(ConfigurationError):
        signing_secret(_settings(tmp_path, None, "production"))


@pytest.mark.parametrize(
    ("text", "lives"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("1.5h", timedelta(minutes=90)),
        ("3600", timedelta(hours=1)),
        ("90 s", timedelta(seconds=90)),
        ("500ms", timedelta(seconds=0.5)),
        ("PT15M", timedelta(minutes=15)),
    ],
)
def test_times_are_read_as_people_write_them(
    monkeypatch: pytest.MonkeyPatch, text: str, lives: timedelta
) -> None:
    monkeypatch.setenv("JWT_EXPIRES_IN", text)
    assert ApiSettings(_env_file=None).jwt_expires_in == lives


@pytest.mark.parametrize("text", ["soon", "-1d", "0", "d"])
def test_other_times_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("JWT_EXPIRES_IN", text)
    with pytest.raises(ValidationError):
        ApiSettings(_env_file=None)

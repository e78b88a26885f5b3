"""Settings of the API: lists as people write them, and clear words about what cannot work."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from control_api.settings import ApiSettings


def _read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> ApiSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return ApiSettings(_env_file=None)


def test_the_defaults_are_those_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _read(monkeypatch)
    assert settings.rate_limit_window == timedelta(minutes=15)
    assert settings.rate_limit_max_requests == 100
    assert (settings.cors_origins, settings.trusted_proxies) == ((), ())


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _read(
        monkeypatch,
        CORS_ORIGINS="https://app.example.org, http://localhost:3000,",
        TRUSTED_PROXIES="10.0.0.0/8,192.0.2.1, ::1",
        RATE_LIMIT_WINDOW_MS="60000",
    )
    assert settings.cors_origins == ("https://app.example.org", "http://localhost:3000")
    expected = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.1/32", "::1/128")))
    assert settings.trusted_proxies == expected
    assert settings.rate_limit_window == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CORS_ORIGINS", "*", "name each origin"),
        ("CORS_ORIGINS", "https://app.example.org,*", "name each origin"),
        ("CORS_ORIGINS", "https://app.example.org/", "not an origin"),
        ("CORS_ORIGINS", "https://app.example.org/path", "not an origin"),
        ("CORS_ORIGINS", "https://user@app.example.org", "not an origin"),
        ("CORS_ORIGINS", "https://App.example.org", "not an origin"),
        ("CORS_ORIGINS", "app.example.org", "not an origin"),
        ("CORS_ORIGINS", "null", "not an origin"),
        ("CORS_ORIGINS", "ftp://app.example.org", "not an origin"),
        ("CORS_ORIGINS", "https://[", "not an origin"),
        ("CORS_ORIGINS", "https://app.example.org:443", "no usual port"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy.example.org", "proxy.example.org"),
        ("TRUSTED_PROXIES", "10.0.0.0/99", "10.0.0.0/99"),
        ("RATE_LIMIT_WINDOW_MS", "0", "greater than or equal"),
        ("RATE_LIMIT_MAX_REQUESTS", "many", "integer"),
        ("MESSAGE_RETENTION", "48h", "at least 3 days"),
        ("RECEIVED_RETENTION", "48h", "at least 3 days"),
        ("BODY_TIMEOUT", "0", "greater than"),
        ("BODY_TIMEOUT", "-1", "a time is seconds (90)"),
        ("BODY_TIMEOUT", "5x", "a time is seconds (90)"),
        ("BODY_TIMEOUT", "40000d", "at most 100 years"),
        ("JWT_EXPIRES_IN", "999999999999", "at most 100 years"),
        ("JWT_EXPIRES_IN", "9" * 400, "a time is seconds (90)"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        _read(monkeypatch, **{name: value})
    (error,) = refused.value.errors()
    assert error["loc"] == (name.lower(),)
    assert says in error["msg"]


@pytest.mark.parametrize(("env", "rounds"), [("production", 9), ("production", 4)])
def test_passwords_that_are_guessed_fast_are_refused_in_production(
    monkeypatch: pytest.MonkeyPatch, env: str, rounds: int
) -> None:
    with pytest.raises(ValidationError, match="at least 10 in production"):
        _read(monkeypatch, APP_ENV=env, BCRYPT_ROUNDS=str(rounds))


@pytest.mark.parametrize(("env", "rounds"), [("production", 10), ("development", 4)])
def test_rounds_that_are_enough_are_taken(
    monkeypatch: pytest.MonkeyPatch, env: str, rounds: int
) -> None:
    assert _read(monkeypatch, APP_ENV=env, BCRYPT_ROUNDS=str(rounds)).bcrypt_rounds == rounds

"""REDIS_URL is read as redis-py reads it; what cannot work is named, and never quoted."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio.connection import SSLConnection

from sessions.common.errors import ConfigurationError
from sessions.queue.redis_address import pool_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", {"host": "localhost", "port": 6379, "db": 0}),
        ("redis://:p%23ss%2Fw%40rd@host:7000/2", {"password": "p#ss/w@rd", "db": 2}),
        ("redis://us%3Aer:pass@host/", {"username": "us:er", "host": "host", "db": 0}),
        ("redis://host:7000/3/?db=4", {"port": 7000, "db": 4}),
        ("redis://host?health_check_interval=30&protocol=3", {"health_check_interval": 30}),
        ("redis://host?socket_timeout=1.5&client_name=us", {"socket_timeout": 1.5}),
        ("redis://host?socket_connect_timeout=9", {"socket_connect_timeout": 9}),
        ("redis://[::1]:7000/1", {"host": "::1", "port": 7000}),
        ("unix:///run/a%20b/redis.sock?db=1&password=secret", {"path": "/run/a b/redis.sock"}),
    ],
)
def test_an_address_is_read_as_redis_py_reads_it(url: str, expected: dict[str, Any]) -> None:
    connection = pool_of(url).make_connection()  # type: ignore[no-untyped-call]
    assert {name: getattr(connection, name) for name in expected} == expected


def test_the_options_of_tls_are_taken(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(ssl.DER_cert_to_PEM_cert(_some_certificate()))
    url = f"rediss://host?ssl_cert_reqs=none&ssl_ca_certs={authority}&max_connections=7"
    pool = pool_of(url)
    connection = pool.make_connection()  # type: ignore[no-untyped-call]
    assert isinstance(connection, SSLConnection)
    assert pool.max_connections == 7
    assert (connection.cert_reqs, connection.ca_certs) == (ssl.CERT_NONE, str(authority))


def _some_certificate() -> bytes:
    (found, *_) = ssl.create_default_context().get_ca_certs(binary_form=True)
    return found


@pytest.mark.parametrize(
    "url",
    [
        "redis://:sec#ret@host:6379/0",
        "redis://:12#secret@host:6379/0",
        "redis://:sec/ret@host:6379/0",
        "redis://:12/secret@host:6379/0",
        "redis://:sec?ret@host:6379/0",
        "redis://:12?secret=x@host:6379/0",
        "redis://host:secret",
        "redis://host/secret",
        "redis://host:99999",
        "http://:secret@host",
        "secret",
    ],
)
def test_what_is_no_address_is_told_without_any_of_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="percent-encode the password") as refused:
        pool_of(url)
    assert "secret" not in str(refused.value)
    assert "ret@" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("redis://:secret@host?ssl_ca_cert=x", "ssl_ca_cert"),
        ("redis://:secret@host?ssl_cert_reqs=none", "ssl_cert_reqs"),
        ("rediss://:secret@host?ssl_cert_reqs=maybe", "ssl_cert_reqs"),
        ("rediss://:secret@host?ssl_ca_certs=/nowhere", "ssl_ca_certs: No such file"),
        ("redis://:secret@host?max_connections=-1", "max_connections"),
        ("redis://host?socket_timeout=soon", "REDIS_URL"),
    ],
)
def test_an_option_that_is_unknown_or_cannot_work_is_named(url: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL") as refused:
        pool_of(url)
    assert named in str(refused.value)
    assert "secret" not in str(refused.value)

"""Read REDIS_URL as redis-py does, and say what in it cannot work without quoting it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import ParseResult, parse_qs, urlparse

from redis.asyncio.connection import ConnectionPool, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from sessions.common.errors import ConfigurationError

_CONNECT_WITHIN = timedelta(seconds=2)
_DATABASE = re.compile(r"/?[0-9]*/?")
_NOT_AN_ADDRESS = (
    "REDIS_URL is not an address we can use, like redis://host:6379/0. If USER:PASSWORD@ stands "
    "before the host, percent-encode the password, all of it but letters and digits "
    "(# is %23, / is %2F, @ is %40)"
)


def pool_of(url: str) -> ConnectionPool:
    """Return a pool for an address, with retries that bridge a restart of Redis.

    Connects to nothing yet. Raises ConfigurationError, which names an option that is unknown or
    cannot work, and never quotes the address, since it can hold a password.
    """
    options = _options(_parsed(url))
    try:
        pool = ConnectionPool.from_url(
            url,
            socket_connect_timeout=_CONNECT_WITHIN.total_seconds(),
            retry_on_timeout=True,
            retry_on_error=[RedisConnectionError, RedisTimeoutError, ConnectionError],
            retry=Retry(ExponentialBackoff(cap=1, base=0.05), retries=3),
        )
    except (TypeError, ValueError) as error:
        raise ConfigurationError(_of_options(options) if options else _NOT_AN_ADDRESS) from error
    _check(pool, options)
    return pool


def _parsed(url: str) -> ParseResult:
    """Split an address; refuse what a `#`, `/` or `?` in a password makes of it."""
    try:
        parsed = urlparse(url)
        sound = parsed.scheme == "unix" or (
            parsed.port != 0 and _DATABASE.fullmatch(parsed.path) is not None
        )
    except ValueError as error:
        raise ConfigurationError(_NOT_AN_ADDRESS) from error
    if not sound or parsed.fragment or "@" in parsed.query:
        raise ConfigurationError(_NOT_AN_ADDRESS)
    return parsed


def _options(parsed: ParseResult) -> set[str]:
    return set(parse_qs(parsed.query, keep_blank_values=True))


def _check(pool: ConnectionPool, options: set[str]) -> None:
    """Make a connection without connecting it, so that an option of it that cannot work is told."""
    try:
        connection: Any = pool.make_connection()  # type: ignore[no-untyped-call]
        if isinstance(connection, SSLConnection):
            connection.ssl_context.get()
    except TypeError as error:
        raise ConfigurationError(_of_options(options, "one does not exist")) from error
    except (RedisError, ValueError, OSError) as error:
        # The error of a file is told without its name, which stands in the address.
        raise ConfigurationError(_of_options(options, getattr(error, "strerror", None))) from error


def _of_options(options: set[str], why: str | None = None) -> str:
    named = ", ".join(sorted(options))
    return f"REDIS_URL cannot be used with its options {named}: {why or 'a value is wrong'}"

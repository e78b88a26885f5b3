"""Fetch what strangers name: an HTTP client that reaches public addresses only, within bounds.

A URL from a user could name what only this machine can reach: databases, other containers, a
cloud's metadata service. So every name is resolved here, its addresses are checked, and the
connection goes to a checked address; a redirect is checked like a new URL. No error repeats an
address, since that would tell how a name resolves inside the operator's network.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from sessions.common.errors import DomainError
from sessions.network.hosts import is_address, is_listed
from sessions.network.public_addresses import AddressNotAllowedError, is_public

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_OPEN = timedelta(seconds=4)
"""How long an idle connection is kept; many servers close theirs after five seconds."""
_CHUNK = 64 * 1024
_ENDS_IN_NUMBER = re.compile(r"(^|\.)([0-9]+|0x[0-9a-f]*)$")
"""Such a host is an IPv4 address, also as one number or in hexadecimal (WHATWG's URL Standard)."""
_OF_ORIGIN = ("authorization", "cookie", "proxy-authorization")
"""Headers that another host must not see after a redirect."""


class FetchError(DomainError):
    """The other side gave no answer that can be used; the text names no address."""

    code = "fetch_failed"


class UrlNotAllowedError(FetchError):
    """The URL is no http or https address, holds a user name, or hides its host's address."""

    code = "url_not_allowed"


class FetchTimedOutError(FetchError):
    """There was no complete answer in time."""

    code = "fetch_timed_out"


class AnswerTooLargeError(FetchError):
    """The answer has more bytes than allowed."""

    code = "fetched_too_large"


class TooManyRedirectsError(FetchError):
    """The other side redirects more often than allowed."""

    code = "too_many_redirects"


class HostUnreachableError(FetchError):
    """No connection was made: nothing listens, the network is down, or TLS failed."""

    code = "host_unreachable"


@dataclass(frozen=True)
class Bounds:
    """How long a whole call may take, how many bytes its body may have, how many redirects."""

    within: timedelta
    at_most: int
    redirects: int = 0


class Answer:
    """An answer whose body is read as it comes."""

    def __init__(self, response: aiohttp.ClientResponse, at_most: int) -> None:
        self._response = response
        self._at_most = at_most
        self.status = response.status
        self.url = str(response.url)
        """Where the answer came from, after redirects."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, found in any case."""
        return self._response.headers

    @property
    def length(self) -> int | None:
        """How many bytes the other side announces, if it does."""
        return self._response.content_length

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body; raise AnswerTooLargeError, or the errors of `GuardedClient.open`."""
        if (self.length or 0) > self._at_most:
            raise AnswerTooLargeError(f"The answer has more than {self._at_most} bytes.")
        received = 0
        with _named():
            async for chunk in self._response.content.iter_chunked(_CHUNK):
                received += len(chunk)
                if received > self._at_most:
                    raise AnswerTooLargeError(f"The answer has more than {self._at_most} bytes.")
                yield chunk

    async def read(self) -> bytes:
        """Return the whole body; raise what `chunks` raises."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def beginning(self, count: int, within: timedelta) -> bytes:
        """Return the first `count` bytes of the body, or as many as come in time."""
        begun = b""
        with _named(), suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while len(begun) < count and (more := await self._response.content.read(count)):
                    begun += more
        return begun[:count]


class GuardedClient:
    """Call hosts on the internet, and those of the operator's own that are listed.

    `allowed_hosts` may have any address; in it, `.internal` means all hosts below it. The
    environment's proxies are not used, no cookies are kept and no body is decompressed.
    """

    def __init__(
        self, allowed_hosts: Collection[str] = (), resolver: AbstractResolver | None = None
    ) -> None:
        self._allowed = frozenset(each.lower() for each in allowed_hosts)
        connector = aiohttp.TCPConnector(
            resolver=_GuardedResolver(self._allowed, resolver or aiohttp.ThreadedResolver()),
            use_dns_cache=False,
            keepalive_timeout=_KEPT_OPEN.total_seconds(),
            limit=0,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        bounds: Bounds,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AsyncIterator[Answer]:
        """Send a request and yield the answer; the time also bounds what happens in the block.

        Redirects are followed `bounds.redirects` times; with 0, an answer that redirects is
        yielded itself. Raises AddressNotAllowedError, UrlNotAllowedError, HostUnreachableError,
        FetchTimedOutError, TooManyRedirectsError, or FetchError for what is not HTTP.
        """
        try:
            async with asyncio.timeout(bounds.within.total_seconds()) as clock:
                response = await self._follow(method, url, bounds.redirects, headers or {}, body)
                try:
                    yield Answer(response, bounds.at_most)
                finally:
                    response.close()
        except TimeoutError:
            if not clock.expired():
                raise
            seconds = bounds.within.total_seconds()
            raise FetchTimedOutError(f"There was no answer within {seconds:g} s.") from None

    async def _follow(
        self, method: str, url: str, redirects: int, headers: Mapping[str, str], body: bytes | None
    ) -> aiohttp.ClientResponse:
        target, sent = _parsed(url), {"Accept-Encoding": "identity", **headers}
        left = redirects
        while True:
            response = await self._ask(method, target, sent, body)
            goes_to = response.headers.get("Location")
            if response.status not in _REDIRECTS or goes_to is None or not redirects:
                return response
            response.close()
            if not left:
                raise TooManyRedirectsError(f"The host redirects more than {redirects} times.")
            left -= 1
            target, before = _parsed(goes_to, target), target
            if target.origin() != before.origin():
                sent = {name: sent[name] for name in sent if name.lower() not in _OF_ORIGIN}

    async def _ask(
        self, method: str, target: URL, headers: Mapping[str, str], body: bytes | None
    ) -> aiohttp.ClientResponse:
        # aiohttp does not ask its resolver about an address.
        if is_address(target.host or "") and not _may_reach(self._allowed, str(target.host)):
            raise _not_allowed(str(target.host))
        with _named():
            return await self._session.request(
                method, target, headers=headers, data=body, allow_redirects=False
            )


class _GuardedResolver(AbstractResolver):
    """Resolve a host, and refuse it if one of its addresses is not public."""

    def __init__(self, allowed: Collection[str], inner: AbstractResolver) -> None:
        self._allowed = allowed
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of the host; raise AddressNotAllowedError."""
        try:
            found = await self._inner.resolve(host, port, family)
        except (OSError, UnicodeError):
            raise _not_allowed(host) from None
        listed = is_listed(_plain(host), self._allowed)
        if not found or not (listed or all(is_public(each["host"]) for each in found)):
            raise _not_allowed(host)
        return found

    async def close(self) -> None:
        """Release the resolver."""
        await self._inner.close()


def _not_allowed(host: str) -> AddressNotAllowedError:
    # One text for both: whether an internal name exists is nobody's business.
    return AddressNotAllowedError(f"{host} is not found, or is inside a private network.")


def check_url(url: str, allowed_hosts: Collection[str]) -> None:
    """Check a URL that is stored, and fetched later.

    Raises UrlNotAllowedError, also for plain HTTP to a host that is not listed, and
    AddressNotAllowedError for an address; a name is looked up only when the URL is fetched.
    """
    parsed, allowed = _parsed(url), frozenset(each.lower() for each in allowed_hosts)
    host = _plain(parsed.host or "")
    if is_listed(host, allowed):
        return
    if (is_address(host) and not is_public(host)) or host == "localhost":
        raise _not_allowed(host)
    if not is_address(host) and _ENDS_IN_NUMBER.search(host):
        raise UrlNotAllowedError("Write the host's address as four decimal numbers, with dots.")
    if parsed.scheme != "https":
        raise UrlNotAllowedError("Give a URL that begins with https://.")


def _may_reach(allowed: Collection[str], address: str) -> bool:
    return is_listed(address, allowed) or is_public(address)


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _parsed(url: str, base: URL | None = None) -> URL:
    """Read a URL, which may be relative to `base`; raise UrlNotAllowedError."""
    try:
        parsed = URL(url) if base is None else base.join(URL(url))
        usable = parsed.scheme in ("http", "https") and bool(parsed.host)
        with_user = parsed.user is not None or parsed.password is not None
    except ValueError:
        raise UrlNotAllowedError("This is not a URL.") from None
    if not usable:
        raise UrlNotAllowedError("Give a URL that begins with http:// or https://.")
    if with_user:
        raise UrlNotAllowedError("Give a URL without a user name and a password.")
    return parsed.with_fragment(None)


@contextmanager
def _named() -> Iterator[None]:
    """Raise our errors for those of aiohttp, whose texts name addresses."""
    try:
        yield
    except aiohttp.ClientSSLError:
        raise HostUnreachableError(
            "The host's TLS certificate or handshake is not valid."
        ) from None
    except aiohttp.ClientConnectorError:
        raise HostUnreachableError("The host accepts no connection.") from None
    except aiohttp.InvalidURL:
        raise UrlNotAllowedError("This is not a URL.") from None
    except (aiohttp.ServerConnectionError, ConnectionError):
        raise HostUnreachableError("The host has closed the connection.") from None
    except (aiohttp.ClientError, ValueError):
        raise FetchError("The host's answer is not valid HTTP.") from None

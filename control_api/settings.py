"""Settings of the control API."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode
from yarl import URL

from sessions.config.settings import Hosts, MediaSettings, Span, comma_separated
from sessions.connections.pacing import TimeZone


def _networks(value: object) -> object:
    """Parse addresses and networks; a network must have no bits set beyond its mask."""
    items = comma_separated(value)
    return tuple(map(ip_network, items)) if isinstance(items, list) else items


def _origins(value: object) -> object:
    """Parse origins as browsers write them."""
    items = comma_separated(value)
    return tuple(map(_origin, items)) if isinstance(items, list) else items


def _origin(text: str) -> str:
    if text == "*":
        raise ValueError("name each origin: * would let every page in the world in")
    if not _is_origin(text):
        raise ValueError(
            f"{text!r} is not an origin as browsers write it, such as https://app.example.org: "
            "no path, no usual port"
        )
    return text


def _is_origin(text: str) -> bool:
    try:
        url = URL(text)
        return url.scheme in ("http", "https") and text == str(url.origin())
    except ValueError:
        return False


def _header(value: object) -> object:
    """Read the name of a header, which may be written in any case."""
    return value.title() if isinstance(value, str) else value


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)]
ForwardedHeader = Annotated[Literal["X-Forwarded-For", "Forwarded"], BeforeValidator(_header)]

_FEWEST_ROUNDS = 10
"""OWASP's least for bcrypt: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html"""


class ApiSettings(MediaSettings):
    """Where the API listens, who may use it, and the limits for callers."""

    host: str = "127.0.0.1"
    """The address that the API listens on."""
    port: int = Field(5000, ge=0, le=65535)
    """The port that the API listens on; 0 takes a free one."""
    initial_api_key: SecretStr | None = Field(None, min_length=32)
    """Your own first API key, 32 characters or more. Without it, one is made and kept in the file
    `first-api.key` in the data directory, which the log names. A key that was revoked stays
    revoked; set another one to replace it."""
    jwt_secret: SecretStr | None = None
    """Signs the tokens of people who sign in: 32 random characters or more, the same for every API
    process."""
    jwt_expires_in: Span = timedelta(days=7)
    """How long an access token works."""
    refresh_expires_in: Span = timedelta(days=30)
    """How long a sign-in that nobody uses can be continued without the password."""
    sign_in_expires_in: Span = timedelta(days=90)
    """How long a sign-in lasts at most, even if it is used; then the password is needed again."""
    bcrypt_rounds: int = Field(12, ge=4, le=16)
    """The cost of hashing a password, as a power of two; at least 10 in production. After a change,
    each password is hashed again at its next sign-in."""
    connections_per_owner: int = Field(100, ge=1)
    """How many connections one owner may have; the first administrator has no such limit."""
    api_keys_per_owner: int = Field(100, ge=1)
    """How many API keys one owner may have; the first administrator has no such limit."""
    webhooks_per_owner: int = Field(20, ge=1)
    """How many webhooks one owner may have; the first administrator may have 100, or this many if
    that is more."""
    waiting_requests_per_owner: int = Field(50, ge=1)
    """How many requests of one owner may wait at a time in each API process, for a QR code
    (`wait`), a pairing code or a number check."""
    event_streams_per_owner: int = Field(50, ge=1)
    """How many streams of events one owner may follow at a time, in each API process."""
    allow_registration: bool = False
    """Whether anybody may register; otherwise only an administrator registers users."""
    deleted_data_grace: Span = timedelta(days=1)
    """How long the messages of a deleted connection can still be looked up; then they are removed,
    together with their recipients' numbers."""
    public_url: HttpUrl | None = None
    """The address at which people reach the API; without it, links use the request's address."""
    proxy_allowed_hosts: Hosts = ()
    """Hosts inside your own network, by name or IPv4 address, comma-separated, that every user may
    set as a proxy, on any port; `.internal` means all names below it. Only an administrator may set
    others. A change does not affect proxies that are in use."""
    link_lifetime: Span = timedelta(minutes=30)
    """How long a signed link to link a phone works."""
    rate_limit_window_ms: int = Field(900_000, ge=1000, le=86_400_000)
    """The sliding window over which requests are counted, in milliseconds."""
    rate_limit_max_requests: int = Field(100, ge=1)
    """Requests in a window for each user, and for each address without a user. A signed-in user's
    requests from our own pages may be 20 times as many."""
    api_key_rate_limit_max_requests: int = Field(60_000, ge=1)
    """Requests in a window for each API key."""
    api_key_rate_limit_per_owner: int = Field(120_000, ge=1)
    """Requests in a window for all API keys of one owner together; the first administrator's keys
    count only each for itself."""
    cors_origins: Origins = ()
    """Origins whose web pages may use the API, comma-separated: `https://app.example.org`."""
    trusted_proxies: Networks = ()
    """Addresses of your proxies, comma-separated, or networks with nothing else in them. Only their
    `FORWARDED_HEADER` is trusted."""
    forwarded_header: ForwardedHeader = "X-Forwarded-For"
    """The header in which your proxies name the client: `X-Forwarded-For`, with
    `X-Forwarded-Proto` for the scheme, or `Forwarded`. The other one is ignored. Your proxies must
    add to it, or replace what a client sends."""
    business: bool = True
    """Whether the API has the business side: customers, appointments, events, subscribers,
    automations and campaigns. `false` leaves out its endpoints and its pages."""
    business_time_zone: TimeZone = "Asia/Jerusalem"
    """The time zone of appointments, events and people for whom none is given."""
    keepalive_timeout: Span = timedelta(seconds=75)
    """How long a client's connection may be idle, or take to send the head of a request. It must be
    longer than your proxy keeps idle connections."""
    body_timeout: Span = timedelta(seconds=30)
    """How long the body of a request may take to arrive."""

    @field_validator("bcrypt_rounds")
    @classmethod
    def _hard_to_guess(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("app_env") == "production" and value < _FEWEST_ROUNDS:
            raise ValueError(f"at least {_FEWEST_ROUNDS} in production: fewer are guessed too fast")
        return value

    @property
    def rate_limit_window(self) -> timedelta:
        """The window over which requests are counted."""
        return timedelta(milliseconds=self.rate_limit_window_ms)

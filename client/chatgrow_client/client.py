"""The two clients: `Client` blocks, `AsyncClient` is for asyncio."""

from __future__ import annotations

import dataclasses
import ssl
from datetime import timedelta
from typing import Generic

import httpx
from typing_extensions import Self

from chatgrow_client.group import Transport
from chatgrow_client.groups.accounts import Account, ApiKeys, Users
from chatgrow_client.groups.appointments import Appointments
from chatgrow_client.groups.automations import Automations, Campaigns, Templates
from chatgrow_client.groups.business_events import BusinessEvents
from chatgrow_client.groups.chats import Chats, Groups
from chatgrow_client.groups.connections import Connections
from chatgrow_client.groups.customers import Customers, Subscribers
from chatgrow_client.groups.events import Events
from chatgrow_client.groups.media import Media
from chatgrow_client.groups.messages import Messages
from chatgrow_client.groups.service import Figures, Recipients, Service
from chatgrow_client.groups.webhooks import Webhooks
from chatgrow_client.repeating import Repeater, RetryPolicy
from chatgrow_client.transports import AsyncTransport, SyncTransport
from chatgrow_client.version import __version__

_TIMEOUT = timedelta(seconds=30)
_RETRIES = RetryPolicy()


class _Groups(Generic[Transport]):
    """The groups of calls that both clients have."""

    def __init__(self, transport: Transport, owner: str | None) -> None:
        owned = dataclasses.replace(transport, owner=owner)
        self.connections = Connections(owned)
        self.messages = Messages(owned)
        self.chats = Chats(owned)
        self.groups = Groups(owned)
        self.media = Media(owned)
        self.events = Events(owned)
        self.webhooks = Webhooks(owned)
        self.recipients = Recipients(owned)
        self.figures = Figures(owned)
        self.api_keys = ApiKeys(owned)
        self.customers = Customers(owned)
        self.subscribers = Subscribers(owned)
        self.appointments = Appointments(owned)
        self.business_events = BusinessEvents(owned)
        self.templates = Templates(owned)
        self.automations = Automations(owned)
        self.campaigns = Campaigns(owned)
        self.account = Account(transport)
        self.users = Users(transport)
        self.service = Service(transport)


class Client(_Groups[SyncTransport]):
    """A client that blocks until each answer is there; threads may share it.

    `base_url` is where the API is, such as `https://chatgrow.example.com`. Give the `api_key` of a
    backend or the `access_token` of somebody who signed in. An administrator may name the `owner`
    whose connections are meant, by id or e-mail address.

    `timeout` is how long an answer may take; `retries` says how often and how long a request is
    repeated. `verify`, `proxy` and `transport` are those of httpx.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        access_token: str | None = None,
        owner: str | None = None,
        timeout: timedelta = _TIMEOUT,
        retries: RetryPolicy = _RETRIES,
        verify: ssl.SSLContext | bool = True,
        proxy: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=_checked(base_url),
            headers=_headers(api_key, access_token),
            timeout=timeout.total_seconds(),
            verify=verify,
            proxy=proxy,
            transport=transport,
        )
        super().__init__(SyncTransport(self._http, Repeater(retries)), owner)

    def close(self) -> None:
        """Close the connections to the API."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Groups[AsyncTransport]):
    """A client for asyncio: like `Client`, but what that returns is to be awaited here."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        access_token: str | None = None,
        owner: str | None = None,
        timeout: timedelta = _TIMEOUT,
        retries: RetryPolicy = _RETRIES,
        verify: ssl.SSLContext | bool = True,
        proxy: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=_checked(base_url),
            headers=_headers(api_key, access_token),
            timeout=timeout.total_seconds(),
            verify=verify,
            proxy=proxy,
            transport=transport,
        )
        super().__init__(AsyncTransport(self._http, Repeater(retries)), owner)

    async def aclose(self) -> None:
        """Close the connections to the API."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _headers(api_key: str | None, access_token: str | None) -> dict[str, str]:
    # Some addresses have a page for browsers, too.
    accepted = "application/json, */*;q=0.5"
    headers = {"User-Agent": f"chatgrow-client/{__version__}", "Accept": accepted}
    if api_key:
        headers["X-Api-Key"] = api_key
    if access_token:
        headers["Authorization"] = f"Bearer {access_token}"
    return headers


def _checked(base_url: str) -> str:
    """Return the address; raise ValueError if it is none of a server."""
    try:
        address = httpx.URL(base_url)
        usable = address.scheme in ("http", "https") and bool(address.host)
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise ValueError(f"The base_url {base_url!r} is not like https://chatgrow.example.com.")
    return base_url

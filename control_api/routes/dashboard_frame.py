"""What all views of the dashboard share: their names, rendering, and the signed-in user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from aiohttp import web

from control_api.auth.identity import IDENTITY, identity_of
from control_api.pages.shell import page, root_of
from control_api.services import SERVICES
from sessions.accounts.users import User


class View(StrEnum):
    """The views of the dashboard, then those of the business side."""

    CONNECTIONS = "connections"
    CONVERSATIONS = "conversations"
    MESSAGES = "messages"
    WEBHOOKS = "webhooks"
    HEALTH = "health"
    ACCOUNT = "account"
    TODAY = "today"
    CUSTOMERS = "customers"
    CUSTOMER = "customer"
    AUTOMATIONS = "automations"
    EVENTS = "events"
    TEMPLATES = "templates"
    SUBSCRIBERS = "subscribers"
    CAMPAIGNS = "campaigns"
    STATS = "stats"

    @property
    def is_business(self) -> bool:
        """Whether it belongs to the business side, which `BUSINESS=false` leaves out."""
        return self not in _CORE

    @property
    def folder(self) -> str:
        """The folder of its template and of its scripts."""
        return "business" if self.is_business else "dashboard"

    @property
    def texts(self) -> tuple[str, ...]:
        """What the keys of the texts that its scripts use begin with."""
        more = _MORE_TEXTS.get(self, ())
        if self.is_business:
            return "business.common.", f"business.{self}.", *more
        return f"{self}.", *more

    @property
    def label(self) -> str:
        """The key of its name in the navigation."""
        return f"{self.folder}.nav.{self}"

    @property
    def path(self) -> str:
        """The path below the root; a customer's page has none without its customer."""
        return _PATHS.get(self) or f"{'provider' if self.is_business else 'dashboard'}/{self}"


_CORE = (
    View.CONNECTIONS,
    View.CONVERSATIONS,
    View.MESSAGES,
    View.WEBHOOKS,
    View.HEALTH,
    View.ACCOUNT,
)
_PATHS: Mapping[View, str] = MappingProxyType(
    {
        View.CONNECTIONS: "dashboard",
        View.TODAY: "provider/dashboard",
        View.CUSTOMER: "provider/customers",
    }
)
_MORE_TEXTS: Mapping[View, tuple[str, ...]] = MappingProxyType(
    {
        View.CONVERSATIONS: ("messages.",),
        View.TODAY: ("business.appointment.", "messages."),
        View.CUSTOMERS: ("business.consent.", "business.import."),
        View.CUSTOMER: (
            "business.appointment.",
            "business.consent.",
            "conversations.",
            "messages.",
        ),
        View.EVENTS: ("business.appointment.",),
        View.AUTOMATIONS: ("business.sentence.",),
        View.SUBSCRIBERS: ("business.import.",),
        View.STATS: ("business.sentence.",),
    }
)
_OFTEN = (View.TODAY, View.CUSTOMERS, View.CONVERSATIONS, View.CAMPAIGNS, View.CONNECTIONS)


@dataclass(frozen=True)
class Navigation:
    """The views that the navigation offers: at once, and behind its button "More" in groups."""

    shown: Sequence[View]
    more: Sequence[Sequence[View]] = ()

    @classmethod
    def of(cls, *, business: bool) -> Navigation:
        """Return the navigation with or without the views of the business side."""
        if not business:
            return cls(_CORE)
        rest = [each for each in View if each not in (*_OFTEN, View.CUSTOMER)]
        side = [each for each in rest if each.is_business]
        return cls(_OFTEN, (side, [each for each in rest if not each.is_business]))

    def __contains__(self, view: object) -> bool:
        return view in self.shown or view in self.hidden

    @property
    def hidden(self) -> list[View]:
        """The views behind "More"."""
        return [view for group in self.more for view in group]


async def show_view(
    request: web.Request, view: View, context: Mapping[str, Any] | None = None
) -> web.Response:
    """Render the view's template for a signed-in user; send others to the sign-in page."""
    user = await signed_in_user(request)
    if user is None:
        return redirect(request, f"dashboard/sign-in?view={view}")
    frame = {"view": view, "navigation": navigation(request), "user": user, "csrf": _csrf(request)}
    return page(request, f"{view.folder}/{view}.html", frame | dict(context or {}))


def navigation(request: web.Request) -> Navigation:
    """Return the views that this installation has."""
    return Navigation.of(business=request.app[SERVICES].business is not None)


async def signed_in_user(request: web.Request) -> User | None:
    """Return the user of the session cookie, if it is still valid."""
    identity = identity_of(request)
    if identity.session is None:
        return None
    return await request.app[SERVICES].users.get(identity.session.user)


def redirect(request: web.Request, path: str) -> web.Response:
    """Redirect to one of our pages, also behind a proxy that adds a prefix."""
    headers = {"Location": root_of(request) + path, "Cache-Control": "no-store"}
    return web.Response(status=HTTPStatus.SEE_OTHER, headers=headers)


def without_slash(request: web.Request) -> web.Response:
    """Redirect to the address without the slash at its end, as people type it."""
    return redirect(request, request.rel_url.raw_path.strip("/"))


def _csrf(request: web.Request) -> str:
    session = request[IDENTITY].session
    return request.app[SERVICES].csrf.of(session.sign_in) if session else ""

"""Which pictures there are: of which page, in which language, on what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.async_api import ViewportSize

from tests.people import PHONE

DESKTOP: ViewportSize = {"width": 1280, "height": 860}
ENGLISH, HEBREW = "en-GB", "he-IL"


@dataclass(frozen=True)
class Shot:
    """One picture: the file is named after `name`.

    The page is ready when it loads nothing more and `ready` can be seen; `press` is pressed first,
    if it is given.
    """

    name: str
    path: str
    ready: str
    locale: str = ENGLISH
    viewport: ViewportSize = field(default_factory=lambda: DESKTOP)
    press: str = ""


CHAT, HEBREW_CHAT = ".chat-link", ".chat-link:has-text('53-765-4321')"
DASHBOARD = (
    Shot("connections", "/dashboard", "[data-sent]"),
    Shot("connections-he-phone", "/dashboard", "[data-sent]", HEBREW, PHONE),
    Shot("link", "/link", "img[alt*=QR]"),
    # On a phone, which cannot scan itself, the page begins with the pairing code.
    Shot("link-he-phone", "/link", "#number", HEBREW, PHONE),
    Shot("conversations", "/dashboard/conversations", ".bubble-row", press=CHAT),
    Shot(
        *("conversations-he-phone", "/dashboard/conversations", ".bubble-row"),
        *(HEBREW, PHONE, HEBREW_CHAT),
    ),
    Shot("webhooks", "/dashboard/webhooks", ".hook"),
)
"""Pictures of what every system has."""


_PAGES = {
    "today": "dashboard",
    "customers": "customers",
    "automations": "automations",
    "campaigns": "campaigns",
    "stats": "stats",
}
"""The pages of the business side, by the names of their pictures."""
_CUSTOMER = "main h2 a"


def _of_the_shop() -> Iterator[Shot]:
    for name, page in _PAGES.items():
        path, ready = f"/provider/{page}", "main h1"
        yield Shot(f"business-{name}", path, ready)
        seen_on = PHONE if name in ("today", "campaigns") else DESKTOP
        yield Shot(f"business-{name}-he", path, ready, HEBREW, seen_on)
    for name, locale in (("business-customer", ENGLISH), ("business-customer-he", HEBREW)):
        yield Shot(
            name, "/provider/customers", ".bubble-row, #customer h1", locale, press=_CUSTOMER
        )


SHOP = tuple(_of_the_shop())
"""Pictures of the business side."""

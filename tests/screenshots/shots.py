"""Which pictures there are: of which page, in which language, on what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    viewport: ViewportSize = DESKTOP
    press: str = ""


CONVERSATIONS = ".chat-link"
DASHBOARD = (
    Shot("connections", "/dashboard", "[data-sent]"),
    Shot("connections-he-phone", "/dashboard", "[data-sent]", HEBREW, PHONE),
    Shot("link", "/link", "img[alt*=QR]"),
    Shot("link-he-phone", "/link", "img[alt*=QR]", HEBREW, PHONE),
    Shot("conversations", "/dashboard/conversations", ".bubble-row", press=CONVERSATIONS),
    Shot(
        *("conversations-he-phone", "/dashboard/conversations", ".bubble-row"),
        *(HEBREW, PHONE, CONVERSATIONS),
    ),
    Shot("webhooks", "/dashboard/webhooks", ".hook"),
)
"""Pictures of what every system has."""


def _of_the_shop() -> Iterator[Shot]:
    for name in ("dashboard", "customers", "automations", "campaigns", "stats"):
        for locale, ending in ((ENGLISH, ""), (HEBREW, "-he")):
            yield Shot(f"shop-{name}{ending}", f"/provider/{name}", "main h1", locale)
    for name in ("dashboard", "campaigns"):
        yield Shot(f"shop-{name}-he-phone", f"/provider/{name}", "main h1", HEBREW, PHONE)


SHOP = tuple(_of_the_shop())
"""Pictures of the business side."""

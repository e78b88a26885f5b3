"""Which pictures there are: of which page, in which language, on what."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.async_api import ViewportSize

from tests.people import PHONE

DESKTOP: ViewportSize = {"width": 1280, "height": 860}
ENGLISH, HEBREW = "en-GB", "he-IL"


@dataclass(frozen=True)
class Shot:
    """One picture: the file is named after `name`.

    The page is ready when `ready` can be seen; `press` is pressed first, if it is given.
    """

    name: str
    path: str
    ready: str
    locale: str = ENGLISH
    viewport: ViewportSize = DESKTOP
    press: str = ""


CONVERSATIONS = ".chat-link"
SHOTS = (
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

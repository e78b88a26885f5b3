"""Notice that a page wipes its login, by an event of the browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.async_api import CDPSession

from chatgrow_worker.page.login_end import OF_NO_LOAD, EndSign

_MARK = "post-logout"
"""The key in localStorage by which WhatsApp's page marks a wipe (WAWebUserPrefsKeys)."""


async def watch_wipes(cdp: CDPSession, hear: Callable[[str, str], None]) -> None:
    """Call `hear` with the sign of a wipe as soon as the page begins one.

    The page's own events are not enough: a login that is refused at once may be wiped before our
    script listens.
    """

    def note(change: dict[str, Any]) -> None:
        if (change.get("key"), change.get("newValue")) == (_MARK, "1"):
            hear(OF_NO_LOAD, str(EndSign.WIPING))

    cdp.on("DOMStorage.domStorageItemAdded", note)
    cdp.on("DOMStorage.domStorageItemUpdated", note)
    await cdp.send("DOMStorage.enable")

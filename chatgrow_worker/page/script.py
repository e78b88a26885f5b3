"""The script that every page runs before its own: settings of wa-js, wa-js, our side."""

import json
from pathlib import Path

_SETTINGS: dict[str, object] = {
    # Its defaults report to third parties: usage, and the links inside messages.
    "disableGoogleAnalytics": True,
    "googleAnalyticsId": None,
    "linkPreviewApiServers": [],
    "poweredBy": "-",
    "sendStatusToDevice": False,
}
_OURS = ("functions.js", "account_events.js", "inpage.js")
_HIDES = "hidden.js"


class MissingScriptError(Exception):
    """wa-js is not where it should be."""


def init_script(wa_js: Path, origin: str, device_name: str, *, hide: bool = False) -> str:
    """Return the init script for pages of `origin`, one piece so that the order is certain.

    With `hide` the page is neither laid out nor drawn. Raises MissingScriptError when wa-js is not
    installed.
    """
    try:
        library = wa_js.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingScriptError(
            f"wa-js is not at {wa_js} ({error.strerror}): `make setup` or `npm ci` installs it."
        ) from error
    files = (*_OURS, _HIDES) if hide else _OURS
    ours = "\n".join(_beside(name).read_text(encoding="utf-8") for name in files)
    settings = json.dumps({**_SETTINGS, "deviceName": device_name})
    guard = f"window === window.top && location.origin === {json.dumps(origin)}"
    return f"if ({guard}) {{ window.WPPConfig = {settings};\n{library}\n{ours}\n}}"


def _beside(name: str) -> Path:
    return Path(__file__).parent / name

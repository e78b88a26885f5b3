"""The script that every page runs first: the settings of wa-js, wa-js itself, and our functions."""

import hashlib
import json
from pathlib import Path

WA_JS_SHA256 = "5bfb88027f14a4d8c9e319374e8bb4083201906881cf8c74f75789b32e4106bd"
"""The digest of wa-js's file, in the version that `package.json` names."""

_SETTINGS: dict[str, object] = {
    # By default wa-js reports usage, and the links in messages, to third parties.
    "disableGoogleAnalytics": True,
    "googleAnalyticsId": None,
    "linkPreviewApiServers": [],
    "poweredBy": "-",
    "sendStatusToDevice": False,
}
FILES = (
    "functions.js",
    "account_events.js",
    "line.js",
    "messages.js",
    "received_rows.js",
    "message_table.js",
    "receiving.js",
    "actions.js",
    "media.js",
    "sending.js",
    "downloads.js",
    "chats.js",
    "inpage.js",
)
"""Our scripts, in the order in which they run."""
_HIDES = "hidden.js"


class WrongScriptError(Exception):
    """wa-js is missing, or is not the expected file."""


def read_wa_js(path: Path, sha256: str = WA_JS_SHA256) -> str:
    """Return the text of wa-js; raise WrongScriptError if it is missing or has another digest.

    It can do everything that a logged-in page can, so an unexpected file is not loaded.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongScriptError(
            f"wa-js is not at {path} ({error.strerror}): `make setup` or `npm ci` installs it."
        ) from error
    if (digest := hashlib.sha256(content).hexdigest()) != sha256:
        raise WrongScriptError(
            f"{path} is not the wa-js that is expected: `make setup` or `npm ci` installs it. "
            f"For one that you have chosen yourself set WA_JS_SHA256={digest}."
        )
    return content.decode()


def init_script(library: str, origin: str, device_name: str, *, hide: bool = False) -> str:
    """Return the init script for pages of `origin`, as one script, which runs in a certain order.

    `library` is the text of wa-js. With `hide`, the page is neither laid out nor drawn.
    """
    files = (*FILES, _HIDES) if hide else FILES
    ours = "\n".join(_beside(name).read_text(encoding="utf-8") for name in files)
    settings = json.dumps({**_SETTINGS, "deviceName": device_name})
    guard = f"window === window.top && location.origin === {json.dumps(origin)}"
    return f"if ({guard}) {{ window.WPPConfig = {settings};\n{library}\n{ours}\n}}"


def _beside(name: str) -> Path:
    return Path(__file__).parent / name

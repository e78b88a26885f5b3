"""Turn telephone numbers into WhatsApp ids and back."""

from __future__ import annotations

import hashlib
import re

PHONE_SERVER = "c.us"
LID_SERVER = "lid"
GROUP_SERVER = "g.us"


def digits(number: str) -> str:
    """Return the bare digits of a telephone number; ValueError when it cannot be one."""
    bare = re.sub(r"\D", "", number)
    if not 7 <= len(bare) <= 15:
        raise ValueError(f"not a telephone number: {number!r}")
    return bare


def e164(bare: str) -> str:
    """Return the number as people write it, with a plus."""
    return f"+{bare}"


def default_lid(bare: str) -> str:
    """Return the digits of the hidden id (LID) that a number has unless a test chose another."""
    return str(10**14 + int(hashlib.sha256(bare.encode()).hexdigest(), 16) % (9 * 10**14))


def phone_wid(bare: str) -> str:
    """Return the id of an account by its number."""
    return f"{bare}@{PHONE_SERVER}"


def lid_wid(lid: str) -> str:
    """Return the id of an account by its hidden id."""
    return f"{lid}@{LID_SERVER}"


def split_wid(wid: str) -> tuple[str, str]:
    """Split an id into user and server, without the device part of the user."""
    user, _, server = wid.partition("@")
    return user.split(":")[0], server

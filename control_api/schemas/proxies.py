"""The address of a proxy, as the owner of a connection writes it."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

_LABEL = "[A-Za-z0-9_-]+"
_ADDRESS = re.compile(
    rf"(?:http|https|socks5)://(?:(?:{_LABEL}\.)*{_LABEL}|\[(?P<ip>[0-9A-Fa-f:.]+)\])"
    r":(?P<port>[0-9]{1,5})"
)
_LONGEST = 300


def _check_server(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError(
            "Give scheme (http, https, socks5), host and port, like http://proxy.example.com:3128."
        )
    if not 0 < int(found["port"]) <= 65_535:
        raise ValueError("There is no such port; they go from 1 to 65535.")
    if found["ip"] is not None and not _is_ip6(found["ip"]):
        raise ValueError("What stands in brackets is not an IPv6 address.")
    return text


def _is_ip6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


ProxyServer = Annotated[
    str,
    StringConstraints(max_length=_LONGEST),
    AfterValidator(_check_server),
    WithJsonSchema(
        {
            "type": "string",
            "format": "proxy-server",
            "description": "Scheme (`http`, `https`, `socks5`), host and port.",
            "maxLength": _LONGEST,
            "examples": ["http://proxy.example.com:3128"],
        }
    ),
]

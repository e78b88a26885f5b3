"""Which hosts a browser reaches: WhatsApp's, and no other.

Chromium is told to find no other host, addresses written as numbers among them. So what runs in a
page can neither send what it sees elsewhere nor look around in the operator's network. Through a
proxy it is the proxy that finds hosts: then only the proxy itself is found here.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit
from urllib.request import getproxies

WHATSAPP_HOSTS = (
    # The page itself, its socket, its scripts, media and pictures, and its crash reports.
    "whatsapp.com",
    "*.whatsapp.com",
    "*.whatsapp.net",
    # Its owner's: `gateway.facebook.com`, `graph.facebook.com`, and where media may be instead.
    "*.facebook.com",
    "*.fbcdn.net",
    "*.fbsbx.com",
)
"""As the modules of WhatsApp Web 2.3000 name them."""


def reaching(
    url: str, more: Iterable[str] = (), proxy: str | None = None, address: str | None = None
) -> str:
    """Return the switch that lets a browser find WhatsApp's hosts, the URL's, `more` and the proxy.

    In `more`, `.internal` means all hosts below it. The proxy is found at the address, if one is
    given. Proxies that the environment names are found.
    """
    ways = [_host_of(each) for each in (url, *_proxies_of_environment())]
    below = [f"*{host}" if host.startswith(".") else host for host in more]
    found = dict.fromkeys([*WHATSAPP_HOSTS, *ways, *below])
    if proxy and not address:
        found[_host_of(proxy)] = None
    # The first rule that fits decides, but an EXCLUDE beats all.
    pinned = [f"MAP {_written(_host_of(proxy))} {_written(address)}"] if proxy and address else []
    excluded = [f"EXCLUDE {_written(host)}" for host in found if host]
    return f"--host-resolver-rules={', '.join([*pinned, 'MAP * ~NOTFOUND', *excluded])}"


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def _proxies_of_environment() -> list[str]:
    found = (address for name, address in getproxies().items() if name != "no")
    return [each if "://" in each else f"http://{each}" for each in found]


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host

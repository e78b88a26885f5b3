"""Let a browser reach WhatsApp's hosts only.

Chromium is told to resolve no other host, including numeric addresses. So scripts in a page can
neither send data elsewhere nor reach the operator's network. With a proxy, the proxy resolves the
names of hosts, and the browser itself resolves only the proxy.
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
    # Meta's hosts: `gateway.facebook.com`, `graph.facebook.com`, and alternatives for media.
    "*.facebook.com",
    "*.fbcdn.net",
    "*.fbsbx.com",
)
"""The hosts in the modules of WhatsApp Web 2.3000."""


def reaching(
    url: str, more: Iterable[str] = (), proxy: str | None = None, address: str | None = None
) -> str:
    """Return the switch to resolve only WhatsApp's hosts, the URL's, `more` and the proxy.

    In `more`, `.internal` means all hosts below it. With `address`, the proxy's name is resolved
    to that. Proxies in the environment variables are resolved, too.
    """
    ways = [_host_of(each) for each in (url, *_proxies_of_environment())]
    below = [f"*{host}" if host.startswith(".") else host for host in more]
    found = dict.fromkeys([*WHATSAPP_HOSTS, *ways, *below])
    if proxy and not address:
        found[_host_of(proxy)] = None
    # The first matching rule counts, but an EXCLUDE rule wins over all others.
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

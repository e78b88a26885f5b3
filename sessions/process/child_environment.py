"""The environment variables of child processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

LEAN = {
    # Node's young generation doubles to 16 MB at the start and never shrinks.
    "NODE_OPTIONS": "--max-semi-space-size=2",
    # glibc gives each busy thread its own arena, and Chromium and Node have many threads.
    "MALLOC_ARENA_MAX": "1",
}
"""Makes Playwright's driver a third smaller; it costs no time that could be measured."""

_FILES = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
_LANGUAGE = ("LANG", "LANGUAGE", "TZ")
_BEHAVIOUR = ("DISPLAY", "WAYLAND_DISPLAY", "NODE_OPTIONS", "MALLOC_ARENA_MAX")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_NEEDED = {*_FILES, *_LANGUAGE, *_BEHAVIOUR, *_CERTIFICATES, *_PROXIES}
_NEEDED |= {name.upper() for name in _PROXIES}
_NEEDED |= {"PLAYWRIGHT_NODEJS_PATH", "PLAYWRIGHT_BROWSERS_PATH"}
_NEEDED_BEGINNINGS = ("LC_", "XDG_", "FONTCONFIG_")


def needed_by_children() -> dict[str, str]:
    """Return the variables that other programs need; none of our settings is among them.

    A browser runs other people's code: it gets no keys and no addresses of databases.
    """
    return {name: value for name, value in os.environ.items() if _is_needed(name)}


@contextmanager
def without_settings() -> Iterator[None]:
    """Hide all variables that children do not need inside the block; read settings before it."""
    hidden = {name: value for name, value in os.environ.items() if not _is_needed(name)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


@contextmanager
def child_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables inside the block, and restore them afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def unless_set(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values without those that the operator has set."""
    return {name: value for name, value in values.items() if name not in os.environ}


def _is_needed(name: str) -> bool:
    return name in _NEEDED or name.startswith(_NEEDED_BEGINNINGS)

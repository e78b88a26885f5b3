"""Judge the API's health part by part."""

from __future__ import annotations

from collections.abc import Iterator

from chatgrow_cli.doctor.finding import Finding, bad, good, unknown, warning
from chatgrow_cli.output import local
from chatgrow_client import __version__
from chatgrow_client.models import DiskState, Health, SavedPage

_MONGO = "Look at MONGODB_URI, the server, its access list and its certificate."
_REDIS = "Look at REDIS_URL and the server. Messages are still accepted, and sent a little later."
_WORKERS = "Start a worker, or see in its log why it ended (supervisorctl status on the server)."
_DISK_FULL = "Make room on the server: nothing can be stored until then. Nothing is lost."
_DISK_LOW = "Make room on the server before it is full (DISK_LOW_BELOW)."
_CHANGED = "Wait: it is tried each minute, and no message fails. If it lasts, update wa-js."


def check_health(health: Health) -> Iterator[Finding]:
    """Yield a finding for each part."""
    told = f"client {__version__}, API {health.version}"
    yield good("versions", told)
    yield _server("MongoDB", health.checks.mongo, _MONGO)
    yield _server("Redis", health.checks.redis, _REDIS)
    yield _workers(health.checks.workers)
    yield _disk(health.checks.disk)
    yield _whatsapp(health.whatsapp)
    if health.saved_page is not None:
        yield _saved_page(health.saved_page)


def _server(name: str, state: str, todo: str) -> Finding:
    if state == "ok":
        return good(name, "answers")
    return bad(name, f"is {state}", todo)


def _workers(count: int) -> Finding:
    if count == 0:
        return bad("workers", "none is alive, so nothing is sent", _WORKERS)
    return good("workers", "1 is alive" if count == 1 else f"{count} are alive")


def _disk(state: DiskState | None) -> Finding:
    if state is None:
        return unknown("disk", "nobody could look at it", "See the parts that are away.")
    if state == DiskState.OK:
        return good("disk", "has room")
    if state == DiskState.DISK_LOW:
        return warning("disk", "has little room left", _DISK_LOW)
    return bad("disk", f"is {state}", _DISK_FULL)


def _whatsapp(state: str | None) -> Finding:
    what = "WhatsApp's page"
    if state is None:
        return unknown(what, "not told while MongoDB is away")
    if state == "ok":
        return good(what, "works as expected")
    return bad(what, "has changed, and nothing can be sent with it", _CHANGED)


def _saved_page(page: SavedPage) -> Finding:
    what = "saved page"
    if page.given_up_at is None:
        return good(what, f"pages are opened from version {page.version or 'none yet'}")
    told = f"given up at {local(page.given_up_at)}: {page.why}"
    return warning(what, told, "docs/operations.md tells what to do about it.")

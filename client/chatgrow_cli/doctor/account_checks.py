"""Judge what one may see with a key: the key itself, workers, connections, webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from chatgrow_cli import words
from chatgrow_cli.doctor.finding import Finding, bad, good, unknown, warning
from chatgrow_client import ChatGrowError, Client, ForbiddenError, UnauthorizedError
from chatgrow_client.models import (
    Actor,
    ConnectionView,
    DiskState,
    Health,
    Reason,
    Scope,
    WorkerView,
)

_USUAL = (Scope.SEND, Scope.READ, Scope.MANAGE)
_SANDBOX = "No usable sandbox"
_LOGS_OF = timedelta(hours=24)
_BROWSER, _SANDBOX_NAME = "browser", "sandbox"
_NOT_TOLD = "not told to this key: that takes an administrator's key with the scope read"
_ON_SERVER = "On the server, `make run` checks it at the start, and the worker's log says why."


def check_key(client: Client) -> Finding:
    """Judge the key."""
    what = "the key"
    try:
        me = client.account.me()
    except UnauthorizedError as error:
        return bad(what, f"is refused: {error.detail}", "Log in again with `chatgrow login`.")
    except ForbiddenError as error:
        todo = "It may be limited to other addresses (allowedIps): use one that is not."
        return bad(what, f"may not be used: {error.detail}", todo)
    told = f"is good: {me.role}, may {', '.join(map(str, me.scopes))}"
    if missing := [str(each) for each in _USUAL if each not in me.scopes]:
        todo = f"It may not {', '.join(missing)}: use a key with that scope if you need it."
        return warning(what, told, todo)
    return good(what, told)


def check_account(client: Client, health: Health) -> Iterator[Finding]:
    """Yield findings about what the key's owner has, and what administrators see."""
    try:
        workers: list[WorkerView] | None = list(client.service.workers())
    except ForbiddenError:
        workers = None
    except ChatGrowError as error:
        yield unknown("workers one by one", f"not told: {error}")
        workers = None
    if workers is not None:
        yield from _workers(workers, health.version)
    try:
        connections = list(client.connections.list())
    except ChatGrowError as error:
        yield unknown("connections", f"not told: {error}")
        connections = []
    else:
        yield from _connections(connections)
    yield _browser(connections)
    yield _sandbox(client, connections)
    yield _pages(connections)
    yield from _webhooks(client)


def _workers(workers: list[WorkerView], version: str) -> Iterator[Finding]:
    for each in workers:
        what = f"worker {each.worker}"
        told = f"runs {each.running} of {each.capacity} connections, version {each.version}"
        if not each.alive:
            todo = "Start it again, or see in its log why it ended."
            yield warning(what, "has given no sign of life for a while", todo)
        elif each.disk != DiskState.OK:
            yield warning(what, f"{told}; its disk is {each.disk}", "Make room on its disk.")
        elif each.version != version:
            yield warning(what, f"{told}, the API has {version}", "Update both to one version.")
        elif each.running >= each.capacity:
            todo = "Start one more, or raise WHATSAPP_MAX_CONNECTIONS if there is memory."
            yield warning(what, f"{told}: it is full", todo)
        else:
            yield good(what, told)


def _connections(connections: list[ConnectionView]) -> Iterator[Finding]:
    if not connections:
        yield warning("connections", "there is none", "`chatgrow link NAME` creates one.")
    for each in connections:
        what = f"connection {each.connection_id}"
        told = f"{words.state(each.state)}. {words.why(each)} {each.queue.queued} messages wait."
        if each.acts_next == Actor.NOBODY:
            yield good(what, told)
        elif each.acts_next == Actor.WORKER:
            yield warning(what, told, "Wait: it goes on by itself.")
        elif each.acts_next == Actor.OPERATOR:
            yield bad(what, told, f"docs/troubleshooting.md: {each.state} ({each.reason}).")
        else:
            todo = f"Now acts {words.actor(each.acts_next)}: `chatgrow link {each.connection_id}`"
            yield warning(what, told, f"{todo} links a phone.")


def _browser(connections: list[ConnectionView]) -> Finding:
    broken = [each for each in connections if each.reason == Reason.BROWSER_UNAVAILABLE]
    if broken:
        names = ", ".join(each.connection_id for each in broken)
        return bad(_BROWSER, f"does not start for {names}", _ON_SERVER)
    if any(each.page is not None for each in connections):
        return good(_BROWSER, "runs pages")
    return unknown(_BROWSER, "no connection has a page open, so the API cannot tell", _ON_SERVER)


def _sandbox(client: Client, connections: list[ConnectionView]) -> Finding:
    """Look for the browser's own words in the logs: the API has no other sign of it."""
    since = datetime.now(timezone.utc) - _LOGS_OF
    try:
        records = client.service.logs(level="error", since=since, page_size=200)
        found = any(_SANDBOX in f"{each.message} {each.exception or ''}" for each in records)
    except ForbiddenError:
        return unknown(_SANDBOX_NAME, _NOT_TOLD, _ON_SERVER)
    except ChatGrowError as error:
        return unknown(_SANDBOX_NAME, f"the logs are not told: {error}", _ON_SERVER)
    if found:
        todo = "Allow user namespaces on the server (docs/operations.md)."
        return bad(_SANDBOX_NAME, "the logs of the last day say: No usable sandbox", todo)
    return good(_SANDBOX_NAME, "no worker has complained of it in the logs of the last day")


def _pages(connections: list[ConnectionView]) -> Finding:
    versions = sorted({each.page.version or "unknown" for each in connections if each.page})
    what = "page version"
    if not versions:
        return unknown(what, "no connection has a page open")
    return good(what, f"WhatsApp Web {', '.join(versions)}")


def _webhooks(client: Client) -> Iterator[Finding]:
    try:
        webhooks = list(client.webhooks.list())
    except ChatGrowError as error:
        yield unknown("webhooks", f"not told: {error}")
        return
    for each in webhooks:
        what, todo = (
            f"webhook {each.id}",
            f"`chatgrow webhooks test {each.id}` shows what is wrong.",
        )
        if not each.enabled:
            yield warning(what, f"to {each.url} is off ({each.disabled_reason})", todo)
        elif each.failing_since:
            yield warning(what, f"to {each.url} fails ({each.failures} times)", todo)
        else:
            yield good(what, f"to {each.url} is taken")

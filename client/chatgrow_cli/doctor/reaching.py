"""Reach the API without a key: its health, also while parts of it are away, and its clock."""

from __future__ import annotations

import email.utils
import ssl
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import httpx
from pydantic import ValidationError

from chatgrow_cli.doctor.finding import Finding, bad, good, unknown, warning
from chatgrow_client.models import Health

_WITHIN_S = 10.0
_NOTABLE = timedelta(seconds=5)
"""The header has whole seconds, and the line takes its time."""
_REFUSED_FROM = timedelta(minutes=4)
"""From five minutes on, receivers refuse webhooks as too old."""
_API = "the API"
_CLOCK = "clocks"


@dataclass(frozen=True)
class Reached:
    """What the API answered to the question how it is."""

    findings: tuple[Finding, ...]
    health: Health | None


def reach(url: str, transport: httpx.BaseTransport | None) -> Reached:
    """Ask the API for its health, once."""
    started = time.monotonic()
    try:
        with httpx.Client(base_url=url, timeout=_WITHIN_S, transport=transport) as http:
            answer = http.get("/health")
    except httpx.HTTPError as error:
        return Reached((_not_reached(url, error),), None)
    took = timedelta(seconds=time.monotonic() - started)
    try:
        health = Health.model_validate_json(answer.content)
    except ValidationError:
        return Reached((_other_answer(url, answer),), None)
    there = good(_API, f"{url} answers in {took / timedelta(milliseconds=1):.0f} ms")
    return Reached((*_way(url), there, _clock(answer, took)), health)


def _not_reached(url: str, error: httpx.HTTPError) -> Finding:
    told = f"{url} gives no answer: {error or type(error).__name__}"
    return bad(_API, told, _remedy(error))


def _remedy(error: httpx.HTTPError) -> str:
    cause = repr(error) + repr(error.__cause__) + repr(error.__context__)
    if isinstance(error.__context__, ssl.SSLError) or "CERTIFICATE" in cause:
        return "Its certificate is not one that this machine trusts: look at its name and its time."
    if "Name or service" in cause or "getaddrinfo" in cause or "nodename" in cause:
        return "The name is not known: look at the address, and at this machine's DNS."
    if isinstance(error, httpx.TimeoutException):
        return "Nobody answers there: look at the address, the firewall and the server."
    if isinstance(error, httpx.ConnectError):
        return "No program listens there: see on the server whether the API runs (supervisorctl)."
    return "Something on the way cuts the line: look at the proxy and at the server."


def _other_answer(url: str, answer: httpx.Response) -> Finding:
    told = f"{url} answers with {answer.status_code}, and not as ChatGrow does"
    if answer.status_code == httpx.codes.MISDIRECTED_REQUEST:
        return bad(
            _API,
            f"{url} does not know its own name",
            "Set PUBLIC_URL to this address, or list its name in ALLOWED_HOSTS, on the server.",
        )
    if answer.is_redirect:
        return bad(_API, f"{told}, but sends on to {answer.headers.get('location')}", _USE_THAT)
    return bad(_API, told, "Look at the address: it is the one without /api behind it.")


_USE_THAT = "Log in with that address."


def _way(url: str) -> tuple[Finding, ...]:
    host = httpx.URL(url).host
    if url.startswith("https://") or host in ("localhost", "127.0.0.1", "::1"):
        return ()
    told = "the key goes over the network as everybody on the way can read it"
    return (warning("the way there", told, "Have a proxy end TLS, and log in with https://."),)


def _clock(answer: httpx.Response, took: timedelta) -> Finding:
    told = email.utils.parsedate_tz(answer.headers.get("Date", ""))
    if told is None:
        return unknown(_CLOCK, "the API's answer has no date")
    there = datetime.fromtimestamp(email.utils.mktime_tz(told), timezone.utc)
    # The header is cut to whole seconds, half of which are over on average.
    ahead = datetime.now(timezone.utc) - took / 2 - there - timedelta(milliseconds=500)
    off = abs(ahead)
    if off < _NOTABLE:
        return good(_CLOCK, "this machine and the API agree within seconds")
    which = "ahead of" if ahead > timedelta(0) else "behind"
    said = f"this machine is {off.total_seconds():.0f} s {which} the API"
    todo = "Set both by NTP."
    if off > _REFUSED_FROM:
        return bad(_CLOCK, said, f"{todo} Webhooks are refused as too old beyond five minutes.")
    return warning(_CLOCK, said, todo)

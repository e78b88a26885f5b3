"""Hold what is wrong with the service right now, for everyone or for one number."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Faults:
    """The settings of one number; `docs/simulated-whatsapp-web.md` says what each one does."""

    send_delay_ms: int = 0
    latency_ms: int = 0
    ack_delay_ms: int = 0
    delivery_delay_ms: int = 150
    read_delay_ms: int = 300
    hold_acks: bool = False
    read_receipts: bool = True
    drop_network: bool = False
    pending_only: bool = False
    ciphertext_ms: int = 0
    polls_arrive: bool = False
    group_self_view_ms: int = 3000
    media_expired: bool = False
    media_gone: bool = False
    media_prep_hang: bool = False
    upload_fails: bool = False
    upload_limit_bytes: int = 0
    upload_delay_ms: int = 0
    video_codec_missing: bool = False
    timelock_seconds: int = 0
    new_chats_capped: bool = False
    ban_seconds: int = 0
    ban_without_end: bool = False
    login_failure: int = 0
    server_error_rate: float = 0.0
    server_error_code: int = 500
    drop_rate: float = 0.0
    seed: int = 0
    hang: int = 0
    crash: bool = False
    needs_update: bool = False
    needs_update_after_ms: int = 3 * 24 * 3600 * 1000
    hard_refresh: int = 0
    whats_new_modal: bool = False
    passkey: bool = False
    presence_hang: bool = False
    unavailable: bool = False
    page_load_ms: int = 0
    html_version: int = 1
    broken_html: bool = False
    old_html_refused: bool = False
    page_weight_mb: int = 0
    sync_ms: int = 1000
    hydration: int = 0
    unpaired_ms: int = 0
    leave_ms: int = 0
    line_dead: bool = False
    other_browser_takes_over: bool = False
    reconnect_ms: int = 2500
    unlink_by: str = ""
    logout_reason: str = ""
    logout_unheard: bool = False
    deferred_ms: int = 0
    module_missing: tuple[str, ...] = ()
    send_throws: bool = False
    qr_first_ms: int = 60_000
    qr_next_ms: int = 20_000
    qr_count: int = 6
    qr_url: bool = True
    qr_help_url: bool = False
    refuse_qr: str = ""
    pairing_code_ms: int = 180_000
    pairing_codes: int = 7
    pairing_error: int = 0
    pairing_silent: bool = False
    pairing_revokes: bool = True


Condition = Callable[[Faults], bool]

PAGE_FIELDS = (
    "sync_ms",
    "hydration",
    "unpaired_ms",
    "leave_ms",
    "reconnect_ms",
    "unlink_by",
    "needs_update",
    "needs_update_after_ms",
    "whats_new_modal",
    "passkey",
    "presence_hang",
    "unavailable",
    "page_weight_mb",
    "qr_url",
    "qr_help_url",
    "send_throws",
    "media_prep_hang",
    "upload_limit_bytes",
    "video_codec_missing",
)
LOCKS = ("timelock_seconds", "ban_seconds")
IF_TRUE = {"hang": 24 * 3600 * 1000, "hard_refresh": 60_000}
"""Of the faults that last for some milliseconds: how many those are where `true` is put."""
MOST = 2**31 - 1
RANGES = {
    "drop_rate": (0, 1),
    "server_error_rate": (0, 1),
    "qr_count": (1, 100),
    "seed": (-MOST, MOST),
}
"""Of the numbers that may not be all from 0 on."""
CHOICES: Mapping[str, tuple[object, ...]] = MappingProxyType(
    {
        "unlink_by": ("", "wipe", "reload"),
        "logout_reason": (
            "",
            "web_fail_add_chat",
            "syncd_failure",
            "history_sync_timeout",
            "account_sync_timeout",
        ),
        "refuse_qr": ("", "short", "url"),
        "login_failure": (0, 401, 403, 405, 406, 409, 503),
    }
)
"""Of the faults that have few values, which ones."""
MODULE = re.compile(r"[A-Za-z]\w*(?:\.\w+)*")
KINDS = {field.name: type(field.default) for field in fields(Faults)}


class FaultBook:
    """The faults of everyone, and those of single numbers laid over them."""

    def __init__(self) -> None:
        self._everyone: dict[str, Any] = {}
        self._numbers: dict[str, dict[str, Any]] = {}
        self._until: dict[tuple[str | None, str], datetime] = {}
        self._dice = random.Random(0)  # noqa: S311 - dice that can be thrown again, not secrets
        self._changed = asyncio.Event()

    def put(self, number: str | None, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Lay changes (JSON names) over the present faults and return them by their own names.

        Null takes a fault back. ValueError on unknown names and wrong kinds changes nothing.
        """
        checked = dict(_checked(name, value) for name, value in changes.items())
        book = self._everyone if number is None else self._numbers.setdefault(number, {})
        for name, value in checked.items():
            book.pop(name, None)
            if value is not None:
                book[name] = value
            if name in LOCKS:
                self._until[(number, name)] = _now() + timedelta(seconds=value or 0)
        if checked.get("seed") is not None:
            self._dice.seed(checked["seed"])
        self._wake()
        return checked

    def of(self, number: str | None) -> Faults:
        """Return what holds for a number, or for a page that is not linked yet."""
        own = {} if number is None else self._numbers.get(number, {})
        return replace(Faults(), **{**self._everyone, **own})

    async def until(self, number: str, condition: Condition) -> None:
        """Wait until the faults of a number fulfil a condition."""
        while not condition(self.of(number)):
            await self._changed.wait()

    def left(self, number: str, name: str) -> timedelta:
        """Return how long a lock that was put for some seconds still lasts."""
        ends = [self._until.get((who, name)) for who in (None, number)]
        last = max((end for end in ends if end is not None), default=None)
        return timedelta(0) if last is None else max(last - _now(), timedelta(0))

    def happens(self, rate: float) -> bool:
        """Throw the seeded dice."""
        return rate > 0 and self._dice.random() < rate

    def clear(self) -> None:
        """Put everything right again."""
        self._everyone.clear()
        self._numbers.clear()
        self._until.clear()
        self._dice.seed(0)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def as_json(faults: Faults) -> dict[str, Any]:
    """Return faults under their JSON names."""
    return {camel(name): value for name, value in asdict(faults).items()}


def for_page(faults: Faults) -> dict[str, Any]:
    """Return, under their JSON names, the faults that the page itself must act on."""
    known = asdict(faults)
    return {camel(name): known[name] for name in PAGE_FIELDS}


def _checked(given: str, value: Any) -> tuple[str, Any]:
    name = re.sub(r"[A-Z]", lambda match: "_" + match.group().lower(), given)
    kind = KINDS.get(name)
    if kind is None or camel(name) != given:
        raise ValueError(f"no such fault: {given}")
    if value is None:
        return name, None
    if name in IF_TRUE and isinstance(value, bool):
        return name, IF_TRUE[name] if value else 0
    if kind is tuple:
        return name, _names(given, value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ValueError(f"{given} must be a {kind.__name__}")
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{given} must be one of {', '.join(map(str, CHOICES[name][1:]))}")
    least, most = RANGES.get(name, (0, MOST))
    if isinstance(value, int | float) and not least <= value <= most:
        raise ValueError(f"{given} must be from {least} to {most}")
    return name, value


def _names(json_name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(MODULE.fullmatch(str(name)) for name in value):
        raise ValueError(f"{json_name} must be a list of names of modules")
    return tuple(value)


def camel(name: str) -> str:
    """Return the name that a fault has in JSON."""
    return re.sub(r"_(.)", lambda match: match.group(1).upper(), name)


def _now() -> datetime:
    return datetime.now(UTC)

"""Hold what is wrong with the service right now, for everyone or for one number."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Faults:
    """The settings of one number; `docs/simulated-whatsapp-web.md` says what each one does."""

    sendDelayMs: int = 0
    latencyMs: int = 0
    ackDelayMs: int = 0
    deliveryDelayMs: int = 150
    readDelayMs: int = 300
    holdAcks: bool = False
    readReceipts: bool = True
    dropNetwork: bool = False
    pendingOnly: bool = False
    timelockSeconds: int = 0
    newChatsCapped: bool = False
    banSeconds: int = 0
    serverErrorRate: float = 0.0
    serverErrorCode: int = 500
    dropRate: float = 0.0
    seed: int = 0
    hang: int = 0
    crash: bool = False
    needsUpdate: bool = False
    whatsNewModal: bool = False
    passkey: bool = False
    pageLoadMs: int = 0
    pageWeightMb: int = 0
    syncMs: int = 1000
    qrFirstMs: int = 60_000
    qrNextMs: int = 20_000
    qrCount: int = 6
    pairingCodeMs: int = 180_000


PAGE_FIELDS = ("syncMs", "needsUpdate", "whatsNewModal", "passkey", "pageWeightMb")
HANG_FOR_EVER_MS = 24 * 3600 * 1000
FIELDS = {field.name: type(field.default) for field in fields(Faults)}


class FaultBook:
    """The faults of everyone, and those of single numbers laid over them."""

    def __init__(self) -> None:
        self._everyone: dict[str, Any] = {}
        self._numbers: dict[str, dict[str, Any]] = {}
        self._until: dict[tuple[str | None, str], datetime] = {}
        self._random = random.Random(0)

    def put(self, number: str | None, changes: Mapping[str, Any]) -> Faults:
        """Lay changes over the present faults; null takes one back. ValueError on unknown names."""
        checked = {name: _checked(name, value) for name, value in changes.items()}
        book = self._everyone if number is None else self._numbers.setdefault(number, {})
        for name, value in checked.items():
            book.pop(name, None)
            if value is not None:
                book[name] = value
            if name in ("timelockSeconds", "banSeconds"):
                self._until[(number, name)] = _now() + timedelta(seconds=value or 0)
        if checked.get("seed") is not None:
            self._random = random.Random(checked["seed"])
        return self.of(number)

    def of(self, number: str | None) -> Faults:
        """Return what holds for a number, or for a page that is not linked yet."""
        own = {} if number is None else self._numbers.get(number, {})
        return replace(Faults(), **{**self._everyone, **own})

    def left(self, number: str, name: str) -> timedelta:
        """Return how long a lock that was put for some seconds still lasts."""
        ends = [self._until.get((who, name)) for who in (None, number)]
        last = max((end for end in ends if end is not None), default=None)
        return timedelta(0) if last is None else max(last - _now(), timedelta(0))

    def happens(self, rate: float) -> bool:
        """Throw the seeded dice."""
        return rate > 0 and self._random.random() < rate

    def clear(self) -> None:
        """Put everything right again."""
        self._everyone.clear()
        self._numbers.clear()
        self._until.clear()
        self._random = random.Random(0)


def for_page(faults: Faults) -> dict[str, Any]:
    """Return the part that the page itself must act on."""
    known = asdict(faults)
    return {name: known[name] for name in PAGE_FIELDS}


def _checked(name: str, value: Any) -> Any:
    kind = FIELDS.get(name)
    if kind is None:
        raise ValueError(f"no such fault: {name}")
    if value is None:
        return None
    if name == "hang" and isinstance(value, bool):
        return HANG_FOR_EVER_MS if value else 0
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{name} must be a {kind.__name__}")
    return value


def _now() -> datetime:
    return datetime.now(UTC)

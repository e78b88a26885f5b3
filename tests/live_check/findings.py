"""What the check has seen: figures, names and codes of our own, and nothing that is anybody's.

A number, a text, an id or a code has no field here. What an answer of the API says in words is
taken only where it is a code of ours (`as_code`) or a version (`as_version`).
"""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_CODE = re.compile(r"[a-z][a-z_]{0,39}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+_-]{0,39}")
INTERRUPTED = "interrupted"
OTHER = "other"
"""Stands for what is no code of ours."""


def as_code(value: object) -> str | None:
    """Return a state's or reason's name, or `other` for whatever else was there."""
    if value is None:
        return None
    text = str(value)
    return text if _CODE.fullmatch(text) else OTHER


def as_version(value: object) -> str | None:
    """Return a version's number, or None for whatever else was there."""
    text = str(value or "")
    # A version has dots; a phone number has none.
    return text if _VERSION.fullmatch(text) and "." in text else None


class Found(BaseModel):
    """A part of the findings."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Versions(Found):
    """What ran."""

    chatgrow: str | None = None
    wa_js: str | None = None
    whatsapp_web: str | None = None
    chromium: str | None = None
    python: str | None = None


class Sight(Found):
    """A state of the connection, and when it was first seen."""

    at: float
    state: str
    reason: str | None = None


class Message(Found):
    """One message of the check: to whom in general, and how far it got, in seconds."""

    when: str
    to: str
    status: str = "queued"
    reason: str | None = None
    sent: float | None = None
    delivered: float | None = None
    read: float | None = None
    arrived: int | None = Field(None, description="how often the person, or the ledger, saw it")
    other_id: bool | None = Field(
        None, description="whether WhatsApp answered another id than the number that was asked"
    )

    @property
    def went_out(self) -> bool:
        """Whether WhatsApp has it."""
        return self.sent is not None


class Linking(Found):
    """How the phone was linked."""

    way: str = "qr"
    codes: int = 0
    parts: int | None = Field(None, description="the parts of the QR code's text")
    address_in_front: bool | None = None
    first_code: float | None = None
    connected: float | None = Field(None, description="seconds from the scan's first sign")


class Cut(Found):
    """What happened when the page's network was cut."""

    lasted: float
    noticed: float | None = None
    state: str | None = None
    reason: str | None = None
    reconnected: float | None = None
    used: bool = Field(False, description="whether the page's traffic went through what was cut")


class Start(Found):
    """One start of the worker with some of the browser's savings, without a scan."""

    savings: str
    connected: float | None = Field(None, description="seconds from the start of the worker")
    loaded: float | None = Field(None, description="seconds of it from the start of the browser")
    peak_mb: int | None = None
    settled_mb: int | None = None
    scan_asked: bool = False
    sent: bool = False

    @property
    def works(self) -> bool:
        """Whether the page came up and sent."""
        return self.connected is not None and self.sent and not self.scan_asked


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_DONE = "not done"


class Findings(Found):
    """All that was seen in one run."""

    simulated: bool
    started: str
    took: float = 0
    ended_early: str | None = Field(None, description="`interrupted`, or which step failed")
    versions: Versions = Versions()
    linking: Linking | None = None
    sights: list[Sight] = []
    messages: list[Message] = []
    cut: Cut | None = None
    starts: list[Start] = []
    unlinked: Sight | None = None
    left_linked: bool = False

    @property
    def interrupted(self) -> bool:
        """Whether the person ended it."""
        return self.ended_early == INTERRUPTED

    def saw(self, *reasons: str) -> bool:
        """Whether the connection ever had one of these reasons, or states."""
        return any({sight.reason, sight.state} & set(reasons) for sight in self.sights)

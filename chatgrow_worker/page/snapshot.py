"""What a page shows, read in one call, and the state that it means."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from chatgrow_worker.page.login_end import EndSign


class PageState(StrEnum):
    """What the page shows; when WhatsApp changes, this moves and nothing else."""

    LOADING = "loading"
    QR = "qr"
    QR_IDLE = "qr_idle"
    SYNCING = "syncing"
    READY = "ready"
    OFFLINE = "offline"
    LINE_DEAD = "line_dead"
    """It has no line to WhatsApp now; one may come back by itself."""
    REPLACED = "replaced"
    """WhatsApp has ended its line for another browser; none comes until it is loaded anew."""
    STALLED = "stalled"
    """It says that it is ready, and our sends stay unacknowledged."""
    PASSKEY = "passkey"
    OUTDATED = "outdated"
    """WhatsApp refuses its version, so it loads itself anew again and again."""
    BANNED = "banned"
    """WhatsApp refuses its account for a while."""
    LEAVING = "leaving"
    """It ends its login: what is sent now is lost."""


LINE_LOST = (PageState.LINE_DEAD, PageState.REPLACED)
"""The page is well, and its line to WhatsApp is not."""

LOGGED_IN = (PageState.READY, PageState.STALLED, PageState.OFFLINE, *LINE_LOST)
"""What a page shows only with a login that works."""


_LONGEST_BAN = timedelta(days=366)


class Ban(BaseModel):
    """A temporary ban of the account: `until` is in milliseconds since 1970."""

    code: int | None = None
    until: float = Field(ge=0)

    @field_validator("code", mode="before")
    @classmethod
    def _number_or_none(cls, value: object) -> int | None:
        """Read whatever the page tells for a code: the ban holds without one, too."""
        return int(value) if isinstance(value, int | float) and math.isfinite(value) else None

    def ends_at(self, now: datetime) -> datetime:
        """Return when it ends, at most a year from now."""
        longest = now + _LONGEST_BAN
        return datetime.fromtimestamp(min(self.until / 1000, longest.timestamp()), UTC)


class Snapshot(BaseModel):
    """The page's own signs, as wa-js tells them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    epoch: str
    ready: bool
    full_ready: bool
    authenticated: bool
    online: bool
    idle: bool
    needs_update: bool
    mode: str | None
    info: str | None
    socket: str | None = None
    stream: str | None = None
    comms_stopped: bool = False
    me: str | None
    passkey: bool = False
    signs: tuple[EndSign, ...] = ()
    leaving: bool = False
    ban: Ban | None = None

    @property
    def state(self) -> PageState:
        """Return what these signs mean together.

        Stream mode, not wa-js's `main_ready`, decides: that one fires on the QR screen too.
        """
        if self.leaving:
            return PageState.LEAVING
        if self.ban is not None:
            return PageState.BANNED
        if not self.ready or self.mode is None:
            return PageState.LOADING
        if self.passkey and not self.authenticated:
            return PageState.PASSKEY
        if self.mode == "QR":
            if self.authenticated:  # it has a login, and has not got so far as to use it
                return PageState.LOADING
            return PageState.QR_IDLE if self.idle else PageState.QR
        if self.mode == "MAIN":
            return self._main()
        return _STATE_OF_MODE.get(self.mode, PageState.LOADING)

    def _main(self) -> PageState:
        if not self.online:
            return PageState.OFFLINE
        if self.info != "NORMAL" or self.stream != "CONNECTED":
            return self._without_line()
        return PageState.READY if self.full_ready and self.authenticated else PageState.LOADING

    def _without_line(self) -> PageState:
        """Tell a line that is dead or coming back from one that another browser has taken.

        For `replaced` the page stops its comms, and nothing else does that and lets the page be
        (WAWebHandleStreamError, WAWebHandleFailure); all else stays as it was while the line stood.
        """
        ended_by_server = self.info == "NORMAL" and self.socket == "CONNECTED"
        return PageState.REPLACED if ended_by_server and self.comms_stopped else PageState.LINE_DEAD

    @property
    def number(self) -> str | None:
        """Return the linked number in E.164, if the page tells one."""
        user = (self.me or "").split("@")[0].split(":")[0]
        return f"+{user}" if user.isdigit() and "@lid" not in (self.me or "") else None


_STATE_OF_MODE: Mapping[str, PageState] = MappingProxyType(
    {
        "SYNCING": PageState.SYNCING,
        "OFFLINE": PageState.OFFLINE,
    }
)


class AckUpdate(BaseModel):
    """How far one of our messages went."""

    key: str
    ack: int
    serial: int


class Look(BaseModel):
    """What a page shows, and what is new in it since the look before.

    `local_storage` is all of it when it has changed and the page is logged in, a credential.
    `missing` names the functions that a page should have by now and has not (the self-test);
    without those that tell its state there is no snapshot.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    epoch: str = ""
    """Which load of the page this is."""
    snapshot: Snapshot | None
    missing: tuple[str, ...] = ()
    local_storage: dict[str, str] | None = Field(None, repr=False)
    acks: list[AckUpdate] = []


class ShownCode(BaseModel):
    """The text of the QR code on show, a credential, and for how long it still is."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    text: str = Field(repr=False)
    left_ms: float

    @property
    def left(self) -> timedelta:
        """For how long the page still shows it."""
        return timedelta(milliseconds=self.left_ms)


class About(BaseModel):
    """Which WhatsApp Web a page is, and which functions of lesser use it lacks."""

    version: str | None
    """`Debug.VERSION`, the version that WhatsApp Web gives itself (WAWebDebugSetup)."""
    manifest: str | None
    """The bundle that the page's scripts come from (`data-btmanifest` of its tags)."""
    missing: tuple[str, ...] = ()


class PairingCode(BaseModel):
    """A code to type on a phone, a credential, and for how long there has been this one."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    code: str = Field(repr=False)
    age_ms: float

    @property
    def age(self) -> timedelta:
        """How old the code is."""
        return timedelta(milliseconds=self.age_ms)


class LookUp(BaseModel):
    """What the page knows of a message id, and whether it has a line to WhatsApp meanwhile."""

    found: bool
    ack: int
    line: bool = True


class CallFailure(BaseModel):
    """An error that a call in the page threw."""

    name: str
    code: str | None
    message: str
    status: int | None = None


class Outcome(BaseModel):
    """What became of a send that was started in the page.

    `state` is none (never started here), pending, thrown (see `error`) or done (see `result`, where
    only `OK` is success; `code` is the server's own number for a refusal, `refusal` the page's own
    name for one). `line` tells whether the page has a line to WhatsApp meanwhile.
    """

    state: str
    result: str | None = None
    code: int | None = None
    refusal: str | None = None
    ack: int | None = None
    error: CallFailure | None = None
    line: bool = True

    @property
    def went_well(self) -> bool:
        """Whether WhatsApp has the message."""
        return self.state == "done" and self.result == "OK"

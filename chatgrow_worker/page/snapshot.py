"""What a page shows, and the state that follows from it."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

from chatgrow_worker.page.heard import HeardBatch
from chatgrow_worker.page.login_end import EndSign


class PageState(StrEnum):
    """What the page shows; when WhatsApp changes its page, only this should have to change."""

    LOADING = "loading"
    QR = "qr"
    QR_IDLE = "qr_idle"
    SYNCING = "syncing"
    READY = "ready"
    OFFLINE = "offline"
    LINE_DEAD = "line_dead"
    """It has no line to WhatsApp now, but may reconnect by itself."""
    REPLACED = "replaced"
    """WhatsApp has ended its line for another browser; it does not reconnect without a reload."""
    STALLED = "stalled"
    """It says that it is ready, but our sends stay unacknowledged."""
    PASSKEY = "passkey"
    OUTDATED = "outdated"
    """WhatsApp refuses its version, so it reloads itself again and again."""
    BANNED = "banned"
    """The account is banned temporarily."""
    LEAVING = "leaving"
    """Its login is ending: messages that are sent now are lost."""


LINE_LOST = (PageState.LINE_DEAD, PageState.REPLACED)
"""The page works, but its line to WhatsApp does not."""

LOGGED_IN = (PageState.READY, PageState.STALLED, PageState.OFFLINE, *LINE_LOST)
"""The states that a page has only with a working login."""


_LONGEST_BAN = timedelta(days=366)


class Ban(BaseModel):
    """A temporary ban of the account: `until` is in milliseconds since 1970."""

    code: int | None = None
    until: float = Field(ge=0)

    @field_validator("code", mode="before")
    @classmethod
    def _number_or_none(cls, value: object) -> int | None:
        """Read the code, and ignore anything else: the ban counts without a code, too."""
        return int(value) if isinstance(value, int | float) and math.isfinite(value) else None

    def ends_at(self, now: datetime) -> datetime:
        """Return when it ends, at most a year from now."""
        longest = now + _LONGEST_BAN
        return datetime.fromtimestamp(min(self.until / 1000, longest.timestamp()), UTC)


class Snapshot(BaseModel):
    """The page's own state, as wa-js reports it."""

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
        """Return the state that follows from all fields.

        The stream mode decides, not wa-js's `main_ready`, which fires on the QR screen, too.
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
            if self.authenticated:  # it has a login, but does not use it yet
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
        """Tell apart a line that is lost or reconnecting and one that another browser has taken.

        Only for `replaced` the page stops its comms and stays open (WAWebHandleStreamError,
        WAWebHandleFailure); its other fields keep their values of a working line.
        """
        ended_by_server = self.info == "NORMAL" and self.socket == "CONNECTED"
        return PageState.REPLACED if ended_by_server and self.comms_stopped else PageState.LINE_DEAD

    @property
    def number(self) -> str | None:
        """The linked number in E.164, or None if the page does not know it."""
        user = (self.me or "").split("@")[0].split(":")[0]
        return f"+{user}" if user.isdigit() and "@lid" not in (self.me or "") else None


_STATE_OF_MODE: Mapping[str, PageState] = MappingProxyType(
    {
        "SYNCING": PageState.SYNCING,
        "OFFLINE": PageState.OFFLINE,
    }
)


class AckUpdate(BaseModel):
    """The latest ack of one of our messages."""

    key: str
    ack: int
    serial: int


class Look(BaseModel):
    """What a page shows, and what has changed since the previous look.

    `local_storage` is set if it has changed and the page is logged in; it is a credential.
    `missing` has the functions that the self-test did not find in the page. Without those that
    show its state there is no snapshot.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    epoch: str = ""
    """The load of the page."""
    snapshot: Snapshot | None
    missing: tuple[str, ...] = ()
    local_storage: dict[str, str] | None = Field(None, repr=False)
    acks: list[AckUpdate] = []
    received: HeardBatch = HeardBatch()


class ShownCode(BaseModel):
    """The text of the QR code, which is a credential, and how long the page still shows it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    text: str = Field(repr=False)
    left_ms: float

    @property
    def left(self) -> timedelta:
        """How long the page still shows it."""
        return timedelta(milliseconds=self.left_ms)


class About(BaseModel):
    """The version of WhatsApp Web, and which less important functions the page lacks."""

    version: str | None
    """`Debug.VERSION`, WhatsApp Web's own version (WAWebDebugSetup)."""
    manifest: str | None
    """The bundle of the page's scripts (`data-btmanifest` in its tags)."""
    missing: tuple[str, ...] = ()


class PairingCode(BaseModel):
    """A code to type on a phone, which is a credential, and its age."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    code: str = Field(repr=False)
    age_ms: float

    @property
    def age(self) -> timedelta:
        """How old the code is."""
        return timedelta(milliseconds=self.age_ms)


class Participant(BaseModel):
    """Somebody in a group: the number is missing where WhatsApp hides it."""

    id: str
    number: str | None = None
    admin: bool = False


class Group(BaseModel):
    """A group; of very large accounts not all `participants` are listed, but `size` counts all."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    chat_id: str
    subject: str | None = None
    size: int
    participants: list[Participant] = []


class Prepared(BaseModel):
    """The key of a new message, and whether the page shows that somebody is typing it."""

    key: str
    typing: bool


class LookUp(BaseModel):
    """What the page knows about a message, and whether it has a line to WhatsApp."""

    found: bool
    ack: int
    line: bool = True


class Download(BaseModel):
    """What became of a file that the page fetches.

    `state` is `none` (never started here), `pending`, `failed` (see `code`) or `ready`.
    """

    state: str
    size: int | None = None
    code: str | None = None


class CallFailure(BaseModel):
    """An error that a call in the page threw."""

    name: str
    code: str | None
    message: str
    status: int | None = None


class Outcome(BaseModel):
    """The outcome of a send that was started in the page.

    `state` is `none` (never started here), `pending`, `thrown` (see `error`) or `done` (see
    `result`, of which only `OK` is a success). `code` is the server's number for a refusal,
    `refusal` the page's name for it. `line` tells whether the page has a line to WhatsApp.
    """

    state: str
    result: str | None = None
    code: int | None = None
    refusal: str | None = None
    ack: int | None = None
    by: str | None = None
    """Who has reacted, for a reaction: the id of our account in that chat."""
    error: CallFailure | None = None
    line: bool = True

    @property
    def went_well(self) -> bool:
        """Whether WhatsApp has the message."""
        return self.state == "done" and self.result == "OK"

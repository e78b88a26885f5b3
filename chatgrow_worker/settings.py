"""Settings of the worker."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from socket import gethostname

from pydantic import Field, HttpUrl, field_validator, model_validator

from chatgrow_worker.browser.savings import Savings, read_savings
from chatgrow_worker.page.qr_form import QrForm
from chatgrow_worker.page.script import WA_JS_SHA256
from sessions.config.settings import EncryptionSettings, Hosts, Span

_ROOT = Path(__file__).parents[1]
_FIRST_METRICS_PORT = 9400
_LAST_PORT = 65_535


def _own_name() -> str:
    return f"{gethostname()}-{os.getpid()}"


class WorkerSettings(EncryptionSettings):
    """Who this worker is, how much it runs, and how it drives WhatsApp Web."""

    worker_id: str = Field(default_factory=_own_name, pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    """The worker's name, with `WORKER_NUMBER` behind it where that is set; no two workers may share
    one. Without it, it is made of the host's name."""
    worker_number: int | None = Field(None, ge=0)
    """Which of several workers on this host it is, so that all can have the same settings: each has
    a folder of its own for profiles, a name and a port for metrics. supervisord sets it."""
    whatsapp_session_path: Path = Path("sessions")
    """Browser profiles, one for each connection; each worker on a host needs a folder of its
    own."""
    whatsapp_max_connections: int = Field(10, ge=1, le=500)
    """Connections that this worker runs at most."""
    arq_intake: bool | None = None
    """Whether messages are taken from arq jobs (`send_message`) that backends write to Redis.
    Whoever can write there can send in anybody's name, so without it they are taken everywhere but
    in production. A job that is not taken is recorded in `intakeFailures`."""
    whatsapp_web_url: HttpUrl = HttpUrl("https://web.whatsapp.com/")
    """Where WhatsApp Web is."""
    device_name: str = Field("ChatGrow", pattern=r"\S", max_length=50)
    """What the phone's list of linked devices calls us."""
    chromium_path: Path | None = None
    """The browser; Debian's chromium-headless-shell is found by itself."""
    browser_allowed_hosts: Hosts = ()
    """Hosts that a browser may reach besides WhatsApp's and its proxy, comma-separated;
    `.example.org` means all below it. It finds no others."""
    chromium_no_sandbox: bool = False
    """Turns the browser's sandbox off: only where the worker must run as root."""
    wa_js_path: Path = _ROOT / "node_modules/@wppconnect/wa-js/dist/wppconnect-wa.js"
    """Where npm has put wa-js."""
    wa_js_sha256: str = Field(WA_JS_SHA256, pattern=r"^[0-9a-f]{64}$")
    """What that file has to be; to be set only for a wa-js of your own choice."""
    lease_ttl: Span = Field(timedelta(seconds=10), ge=timedelta(seconds=3))
    """A worker that dies loses its connections to the others after this time."""
    safety_poll: Span = timedelta(seconds=5)
    """How often a queue is looked at when no bell rings."""
    page_load_limit: Span = timedelta(minutes=3)
    """How long WhatsApp Web may load before its page is opened anew. On a quick machine the real
    one takes 7 to 16 s, and 15 s to a QR code."""
    page_call_limit: Span = timedelta(seconds=15)
    """How long a page that has come up may take to answer."""
    send_outcome_limit: Span = timedelta(seconds=30)
    """How long WhatsApp may take to acknowledge a send before it is looked into."""
    ghost_wait: Span = timedelta(seconds=10)
    """How long a message that is stored in the page may stay unacknowledged before it counts as a
    ghost."""
    ban_pause: Span = timedelta(minutes=15)
    """How long a connection sends nothing after a sign of a coming ban."""
    logout_limit: Span = timedelta(seconds=90)
    """How long a login that shall end may take to reach WhatsApp; then it is forgotten all the
    same, and the phone still lists it."""
    resend_ghosts: bool = True
    """Whether a message that was stored by a page that died, but never sent, is sent by the page's
    own function. Unproven on the live service; with false it becomes `unknown`."""
    send_tries: int = Field(8, ge=1, le=100)
    """How often a message is tried before it fails, and how many pages, or lines to WhatsApp in a
    row, may end with it in hand before it is given up. Waiting for other messages is no try."""
    number_recheck: Span = timedelta(seconds=20)
    """After this time WhatsApp is asked once more for a number that it has denied; other messages
    go meanwhile."""
    changed_connections: int = Field(3, ge=1, le=100)
    """On so many connections sends have to throw before the whole fleet waits (`whatsapp_changed`);
    on fewer where fewer run."""
    changed_within: Span = timedelta(minutes=10)
    """Within this time they have to."""
    changed_errors_in_a_row: int = Field(3, ge=1, le=100)
    """So many sends of one connection have to throw in a row before it waits."""
    changed_probe_every: Span = timedelta(minutes=1)
    """How often one connection tries whether WhatsApp Web can be used again."""
    qr_asked_within: Span = timedelta(minutes=3)
    """A connection that nobody has asked for a QR code for so long stops showing new ones."""
    qr_form: QrForm = QrForm.PAGE
    """The form of the QR codes: `page`, as WhatsApp Web itself draws it now; `url`, an address, as
    it draws it since 2026; or `short`, the parts alone, as before. Change it only if phones refuse
    what `page` gives."""
    pairing_pause: Span = timedelta(hours=1)
    """How long no pairing code is asked for a number after WhatsApp gave it no more (429). WhatsApp
    does not tell how long it takes; for some who went on asking it took hours."""
    start_concurrency: int = Field(2, ge=1, le=50)
    """Browsers that start at a time: each takes up to 1,740 MB while its page comes up."""
    browser_savings: str = "proven"
    """What saves memory in browsers, from the list below: `proven` (what others run the real page
    with), `all`, `none`, or names with commas between, as in `proven,no_zygote`."""
    browser_max_age: Span = timedelta(hours=24)
    """A browser is opened anew after this time, when nothing is in hand."""
    browser_wear_every: Span = timedelta(minutes=5)
    """How often a browser's age and memory are looked at."""
    browser_max_memory_mb: int = Field(2000, ge=50)
    """A browser that uses more at two looks in a row is opened anew, when nothing is in hand: its
    page takes up to 1,740 MB while it comes up, and settles at less than half of that."""
    offline_limit: Span = timedelta(minutes=1)
    """How long the page may be offline before it is opened anew."""
    line_limit: Span = timedelta(seconds=30)
    """How long the page may try to get its line to WhatsApp back before it is loaded anew."""
    take_back_after: Span = timedelta(seconds=10)
    """How long another browser may have a login of ours before the page is loaded anew, which takes
    it back; twice as long each time, up to 15 minutes."""
    stall_limit: Span = timedelta(seconds=15)
    """How long a connection may be `degraded` before its page is loaded anew; twice as long each
    time, up to 15 minutes."""
    session_save_every: Span = timedelta(minutes=15)
    """How often a running login is saved, besides after linking and at each stop."""
    stop_limit: Span = timedelta(seconds=60)
    """How long a stopping worker may take before its connections are cut off."""
    metrics_host: str = "127.0.0.1"
    """The address that the worker's `/metrics` is served on."""
    metrics_port: int | None = Field(None, ge=1, le=_LAST_PORT)
    """The port that the worker's `/metrics` is served on, to which `WORKER_NUMBER` is added; with
    neither there is none, with a number alone it is 9400 and up."""

    @field_validator("browser_savings")
    @classmethod
    def _known_savings(cls, value: str) -> str:
        read_savings(value)
        return value

    @model_validator(mode="after")
    def _under_data_dir(self) -> WorkerSettings:
        path = self.whatsapp_session_path.expanduser()
        # A frozen model is completed once, here: `./sessions` must not fall on our own package.
        own = path if self.worker_number is None else path / f"worker-{self.worker_number}"
        object.__setattr__(self, "whatsapp_session_path", (self.data_dir / own).absolute())
        return self

    @model_validator(mode="after")
    def _numbered(self) -> WorkerSettings:
        if (number := self.worker_number) is None:
            return self
        given = (
            self.worker_id if "worker_id" in self.model_fields_set else f"{gethostname()}-worker"
        )
        port = (self.metrics_port or _FIRST_METRICS_PORT) + number
        if port > _LAST_PORT:
            raise ValueError("METRICS_PORT and WORKER_NUMBER together are no port")
        object.__setattr__(self, "worker_id", f"{given}-{number}")
        object.__setattr__(self, "metrics_port", port)
        return self

    @property
    def takes_jobs(self) -> bool:
        """Whether messages are taken from arq jobs."""
        return self.app_env != "production" if self.arq_intake is None else self.arq_intake

    @property
    def savings(self) -> Savings:
        """What saves memory in browsers."""
        return read_savings(self.browser_savings)

    @property
    def worker(self) -> str:
        """The name of this worker."""
        return self.worker_id

    @property
    def log_name(self) -> str | None:
        """The name that was given to this worker; one made of a process's id never comes again."""
        named = self.model_fields_set & {"worker_id", "worker_number"}
        return self.worker_id if named else None

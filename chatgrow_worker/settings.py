"""Settings of the worker."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from socket import gethostname
from typing import Annotated

from pydantic import Field, HttpUrl, field_validator, model_validator

from chatgrow_worker.browser.savings import Savings, read_savings
from chatgrow_worker.page.qr_form import QrForm
from chatgrow_worker.page.script import WA_JS_SHA256
from sessions.common.json_values import Shape
from sessions.common.npm_packages import npm_package
from sessions.config.settings import Hosts, MediaSettings, Span

_FIRST_METRICS_PORT = 9400
_LAST_PORT = 65_535


def _own_name() -> str:
    return f"{gethostname()}-{os.getpid()}"


class WorkerSettings(MediaSettings):
    """Who this worker is, how much it runs, and how it drives WhatsApp Web."""

    worker_id: Annotated[
        str,
        Shape(
            r"^[A-Za-z0-9_.-]{1,100}$",
            "Use 1 to 100 letters of English, digits, dots, dashes and underscores.",
        ),
    ] = Field(default_factory=_own_name)
    """The worker's name, with `WORKER_NUMBER` appended if that is set; no two workers may share a
    name. Without it, the name is made from the host's name."""
    worker_number: int | None = Field(None, ge=0)
    """The number of this worker on this host, so that all can have the same settings. Each number
    has its own folder for profiles, name and port for metrics. supervisord sets it."""
    whatsapp_session_path: Path = Path("sessions")
    """The folder of the browser profiles, one for each connection; each worker on a host needs its
    own folder."""
    whatsapp_max_connections: int = Field(10, ge=1, le=500)
    """The most connections that this worker runs."""
    arq_intake: bool | None = None
    """Whether messages are accepted from arq jobs (`send_message`) that backends write to Redis.
    Whoever can write to Redis can send in anybody's name, so the default is no in production and
    yes elsewhere. A refused job is recorded in `intakeFailures`."""
    whatsapp_web_url: HttpUrl = HttpUrl("https://web.whatsapp.com/")
    """The address of WhatsApp Web."""
    device_name: str = Field("ChatGrow", pattern=r"\S", max_length=50)
    """The name shown in the phone's list of linked devices."""
    chromium_path: Path | None = None
    """The browser; without it, Debian's chromium-headless-shell is used."""
    browser_allowed_hosts: Hosts = ()
    """Hosts that a browser may reach besides WhatsApp's and its proxy, comma-separated;
    `.example.org` means all names below it. All others are blocked."""
    media_allowed_hosts: Hosts = ()
    """Hosts inside your own network from which files to send may be fetched, by name or IPv4
    address, comma-separated; `.internal` means all names below it. Others must have public
    addresses only."""
    media_fetch_limit: Span = timedelta(seconds=30)
    """How long a host may take to answer when a file is fetched from a URL. A file that arrives
    slower than 256 KiB a second on average is given up."""
    media_fetch_tries: int = Field(5, ge=1, le=20)
    """How many times a file is fetched, after growing waits, until its message fails."""
    media_convert_limit: Span = timedelta(minutes=5)
    """How long a conversion may take (`MEDIA_CONVERT`); then its message fails."""
    media_download_limit: Span = timedelta(minutes=5)
    """How long WhatsApp Web may take to fetch the file of a received message."""
    media_prepare_limit: Span = timedelta(seconds=60)
    """How long WhatsApp Web may take to prepare a file; then nothing is sent and the message
    fails."""
    chromium_no_sandbox: bool = False
    """Turns the browser's sandbox off: only where the worker must run as root."""
    wa_js_path: Path = npm_package("@wppconnect/wa-js") / "dist/wppconnect-wa.js"
    """The file of wa-js, as installed by npm."""
    wa_js_sha256: str = Field(WA_JS_SHA256, pattern=r"^[0-9a-f]{64}$")
    """The hash that this file must have; set it only to use another version of wa-js."""
    lease_ttl: Span = Field(timedelta(seconds=10), ge=timedelta(seconds=3))
    """How long after a worker's death other workers may take its connections."""
    safety_poll: Span = timedelta(seconds=5)
    """How often a queue is checked when the doorbell does not ring."""
    page_load_limit: Span = timedelta(minutes=3)
    """How long WhatsApp Web may load before its page is reopened. On a fast machine the real page
    takes 7 to 16 s, and 15 s until a QR code."""
    page_call_limit: Span = timedelta(seconds=15)
    """How long a loaded page may take to answer."""
    send_outcome_limit: Span = timedelta(seconds=30)
    """How long WhatsApp may take to acknowledge a send before the message is looked up."""
    ghost_wait: Span = timedelta(seconds=10)
    """How long a message that is stored in the page may stay unacknowledged before it counts as a
    ghost."""
    ban_pause: Span = timedelta(minutes=15)
    """How long a connection pauses after a refusal that warns of a ban."""
    logout_limit: Span = timedelta(seconds=90)
    """How long a logout may take to reach WhatsApp; after that the login is removed here, although
    the phone still lists it."""
    resend_ghosts: bool = True
    """Whether a message that a page stored but did not send, because it died, is sent again by the
    page's own function. Unproven on the live service; with false it becomes `unknown`."""
    send_tries: int = Field(8, ge=1, le=100)
    """How many times a message is tried before it fails, and how many pages (or lines to WhatsApp
    in a row) may die while it is sent before it is given up. Waiting does not count as a try."""
    number_recheck: Span = timedelta(seconds=20)
    """After this time WhatsApp is asked again about a number that it has denied; other messages are
    sent meanwhile."""
    import_history_days: int = Field(0, ge=0, le=3650)
    """How many days of what was received before a link are recorded, as far as the phone sends its
    history within a day after the link; marked `fromHistory`."""
    changed_connections: int = Field(3, ge=1, le=100)
    """On how many connections sends must throw before the whole fleet waits (`whatsapp_changed`);
    fewer if fewer run."""
    changed_within: Span = timedelta(minutes=10)
    """The time within which that must happen."""
    changed_errors_in_a_row: int = Field(3, ge=1, le=100)
    """How many sends in a row must throw before one connection waits by itself."""
    changed_probe_every: Span = timedelta(minutes=1)
    """How often one connection tests whether WhatsApp Web can be used again."""
    qr_asked_within: Span = timedelta(minutes=3)
    """How long a connection goes on showing QR codes after the last request for one."""
    qr_form: QrForm = QrForm.PAGE
    """The form of the QR codes: `page`, as WhatsApp Web shows it; `url`, an address, its form since
    2026; or `short`, its form before. Change it only if phones refuse the codes."""
    pairing_pause: Span = timedelta(hours=1)
    """How long to wait before asking for a number's pairing code again after WhatsApp's refusal
    (429). WhatsApp does not say how long it refuses; for some who kept asking it took hours."""
    start_concurrency: int = Field(2, ge=1, le=50)
    """How many browsers may start at a time; each uses up to 1,740 MB while its page loads."""
    browser_savings: str = "proven"
    """Which switches that save memory browsers use, from the list below: `proven` (others run the
    real page with them), `all`, `none`, or names separated by commas, as in `proven,no_zygote`."""
    browser_max_age: Span = timedelta(hours=24)
    """After this time a browser is replaced by a new one, when no message is being sent."""
    browser_wear_every: Span = timedelta(minutes=5)
    """How often a browser's age and memory are checked."""
    browser_max_memory_mb: int = Field(2000, ge=50)
    """A browser that uses more at two checks in a row is replaced, when no message is being sent. A
    page uses up to 1,740 MB while it loads, and less than half of that later."""
    offline_limit: Span = timedelta(minutes=1)
    """How long the page may be offline before it is reloaded."""
    line_limit: Span = timedelta(seconds=30)
    """How long the page may try to get its line to WhatsApp back before it is reloaded."""
    take_back_after: Span = timedelta(seconds=10)
    """How long another browser may use a login of ours before the page is reloaded, which takes it
    back; twice as long each time, up to 15 minutes."""
    stall_limit: Span = timedelta(seconds=15)
    """How long a connection may be `degraded` before its page is reloaded; twice as long each time,
    up to 15 minutes."""
    session_save_every: Span = timedelta(minutes=15)
    """How often a running login is saved, besides after linking and at each stop."""
    stop_limit: Span = timedelta(seconds=60)
    """How long a stopping worker waits for its connections to end before it cancels them."""
    metrics_host: str = "127.0.0.1"
    """The address that the worker's `/metrics` is served on."""
    metrics_port: int | None = Field(None, ge=1, le=_LAST_PORT)
    """The port of the worker's `/metrics`, to which `WORKER_NUMBER` is added. With only a number
    the port is 9400 plus that number; with neither, no metrics are served."""

    @field_validator("browser_savings")
    @classmethod
    def _known_savings(cls, value: str) -> str:
        read_savings(value)
        return value

    @model_validator(mode="after")
    def _under_data_dir(self) -> WorkerSettings:
        path = self.whatsapp_session_path.expanduser()
        # Relative paths are below DATA_DIR: `./sessions` must not be our own package.
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
            raise ValueError("METRICS_PORT and WORKER_NUMBER add up to an invalid port")
        object.__setattr__(self, "worker_id", f"{given}-{number}")
        object.__setattr__(self, "metrics_port", port)
        return self

    @property
    def takes_jobs(self) -> bool:
        """Whether messages are accepted from arq jobs."""
        return self.app_env != "production" if self.arq_intake is None else self.arq_intake

    @property
    def savings(self) -> Savings:
        """The switches that save memory in browsers."""
        return read_savings(self.browser_savings)

    @property
    def worker(self) -> str:
        """The name of this worker."""
        return self.worker_id

    @property
    def log_name(self) -> str | None:
        """The configured name of the worker; None for a generated one, which is not used again."""
        named = self.model_fields_set & {"worker_id", "worker_number"}
        return self.worker_id if named else None

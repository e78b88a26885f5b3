"""Settings of the worker."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from pathlib import Path

from pydantic import Field, HttpUrl, model_validator

from sessions.blobs import BlobSettings
from sessions.settings import Span

_ROOT = Path(__file__).parents[1]


def _own_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class WorkerSettings(BlobSettings):
    """Who this worker is, how much it runs, and how it drives WhatsApp Web."""

    worker_id: str = Field(default_factory=_own_name, pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    whatsapp_session_path: Path = Path("sessions")
    whatsapp_max_connections: int = Field(10, ge=1, le=500)
    whatsapp_web_url: HttpUrl = HttpUrl("https://web.whatsapp.com/")
    device_name: str = Field("ChatGrow", min_length=1, max_length=50)
    chromium_path: Path | None = None
    chromium_no_sandbox: bool = False
    wa_js_path: Path = _ROOT / "node_modules/@wppconnect/wa-js/dist/wppconnect-wa.js"
    lease_ttl: Span = Field(timedelta(seconds=10), ge=timedelta(seconds=3))
    safety_poll: Span = timedelta(seconds=5)
    page_load_limit: Span = timedelta(seconds=90)
    page_call_limit: Span = timedelta(seconds=15)
    send_outcome_limit: Span = timedelta(seconds=30)
    ghost_wait: Span = timedelta(seconds=10)
    ban_pause: Span = timedelta(minutes=15)
    resend_ghosts: bool = True
    send_tries: int = Field(8, ge=1, le=100)
    number_recheck: Span = timedelta(seconds=20)
    qr_asked_within: Span = timedelta(minutes=3)
    start_concurrency: int = Field(2, ge=1, le=50)
    browser_max_age: Span = timedelta(hours=24)
    browser_wear_every: Span = timedelta(minutes=1)
    browser_max_memory_mb: int = Field(1500, ge=50)
    offline_limit: Span = timedelta(minutes=1)
    session_save_every: Span = timedelta(minutes=15)
    stop_limit: Span = timedelta(seconds=60)

    @model_validator(mode="after")
    def _under_data_dir(self) -> WorkerSettings:
        path = self.whatsapp_session_path.expanduser()
        # A frozen model is completed once, here: `./sessions` must not fall on our own package.
        object.__setattr__(self, "whatsapp_session_path", (self.data_dir / path).absolute())
        return self

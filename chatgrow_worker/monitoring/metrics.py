"""The counters and histograms of a worker, with one method for each event."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from prometheus_client import Counter, Histogram

from sessions.common.clock import utc_now
from sessions.connections.states import Reason
from sessions.conversations.model import MediaState
from sessions.messages.model import Message, MessageStatus
from sessions.metrics import LONG, SHORT, ProcessMetrics

_RESULTS = (MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.UNKNOWN)
_SIZES = tuple(float(1 << power) for power in range(16, 31, 2))
"""Buckets in bytes, from 64 KiB to 1 GiB."""
_REASONS_AT_MOST = 50
_BREAKS = (
    Reason.PAGE_CRASHED,
    Reason.PAGE_UNREACHABLE,
    Reason.PAGE_UNRESPONSIVE,
    Reason.BROWSER_UNAVAILABLE,
)
"""The usual reasons for which a page breaks."""
_LOGIN_ENDS = (Reason.UNLINKED, Reason.ACCOUNT_LOCKED, Reason.LOGIN_LOST)
_SAVES = ("saved", "unchanged", "failed")
_FILES = tuple(each for each in MediaState if each is not MediaState.PENDING)


class WorkerMetrics:
    """The counters and histograms of one worker process, in the registry of its process."""

    def __init__(self, process: ProcessMetrics, now: Callable[[], datetime] = utc_now) -> None:
        self.process = process
        self._now = now
        counter = partial(Counter, registry=process.registry)
        histogram = partial(Histogram, registry=process.registry)
        self._reasons: set[str] = set()
        self._sends = counter(
            "chatgrow_sends_total",
            "Sends that ended, by result and, where it did not go out, the reason.",
            ["result", "reason"],
        )
        self._results = counter(
            "chatgrow_send_results_total",
            "Sends that ended, by result alone.",
            ["result"],
        )
        self._from_queue = histogram(
            "chatgrow_message_enqueue_to_sent_seconds",
            "From when a message could go, accepted or due if that was later, until it was sent.",
            buckets=LONG,
        )
        self._from_claim = histogram(
            "chatgrow_message_claim_to_sent_seconds",
            "From when a worker took a message in hand until it was sent.",
            buckets=LONG,
        )
        self._to_device = histogram(
            "chatgrow_message_sent_to_delivered_seconds",
            "From when a message was sent until a device of the recipient had it.",
            buckets=LONG,
        )
        self._lease_losses = counter(
            "chatgrow_lease_losses_total",
            "Connections given up because their lease was lost.",
        )
        self._page_breaks = counter("chatgrow_page_breaks_total", "Pages that broke.", ["reason"])
        self._login_ends = counter(
            "chatgrow_login_ends_total",
            "Logins that ended, by reason; one that is saved may have been tried afterwards.",
            ["reason"],
        )
        self._bans = counter(
            "chatgrow_account_bans_total",
            "Temporary bans of accounts that WhatsApp has told of.",
        )
        self._restarts = counter(
            "chatgrow_browser_restarts_total",
            "Browsers opened anew for a connection that ran here before.",
        )
        self._saves = counter(
            "chatgrow_session_saves_total",
            "Saves of a login: saved, unchanged or failed.",
            ["result"],
        )
        self._save_duration = histogram(
            "chatgrow_session_save_duration_seconds",
            "How long saving a login took, unchanged ones included.",
            buckets=SHORT,
        )
        self._save_size = histogram(
            "chatgrow_session_save_size_bytes",
            "The size of saved logins, whole, packed and encrypted.",
            buckets=_SIZES,
        )
        self._received = counter(
            "chatgrow_received_messages_total",
            "Messages that were received and recorded, each once; imported history is not counted.",
        )
        self._received_files = counter(
            "chatgrow_received_files_total",
            "Files of received messages, by what became of them.",
            ["result"],
        )
        self._begin()

    def _begin(self) -> None:
        """Create the series with zeros: a series whose first value is 1 shows no increase."""
        for counter, values in (
            (self._results, _RESULTS),
            (self._saves, _SAVES),
            (self._page_breaks, _BREAKS),
            (self._login_ends, _LOGIN_ENDS),
            (self._received_files, _FILES),
        ):
            for value in values:
                counter.labels(value)

    def send_ended(self, message: Message, status: MessageStatus, reason: str | None) -> None:
        """Count a send that has ended; one that goes back to the queue has not."""
        if status not in _RESULTS:
            return
        at = message.sent_at or self._now()
        self._sends.labels(status, self._bounded(reason)).inc()
        self._results.labels(status).inc()
        if status is MessageStatus.SENT:
            self._from_queue.observe(_seconds(at - max(message.queued_at, message.due_at)))
            if message.sending_at is not None:
                self._from_claim.observe(_seconds(at - message.sending_at))

    def acked(self, message: Message) -> None:
        """Record an ack that has changed the status of a message; `message` is the new version."""
        sent, delivered = message.sent_at, message.delivered_at
        news = message.status is MessageStatus.DELIVERED or delivered == message.read_at
        if sent is not None and delivered is not None and news:
            self._to_device.observe(_seconds(delivered - sent))

    def lease_lost(self) -> None:
        """Count a connection given up because its lease was lost."""
        self._lease_losses.inc()

    def page_broke(self, reason: Reason) -> None:
        """Count a page that broke."""
        self._page_breaks.labels(reason).inc()

    def login_ended(self, reason: Reason) -> None:
        """Count a page that has lost its login."""
        self._login_ends.labels(reason).inc()

    def account_banned(self) -> None:
        """Count a temporary ban; call this once for each ban."""
        self._bans.inc()

    def browser_restarted(self) -> None:
        """Count a browser that is opened again for the same connection."""
        self._restarts.inc()

    def session_saved(self, seconds: float, size: int | None) -> None:
        """Count a save of a login; `size` is in bytes, None if nothing had changed."""
        self._saves.labels("unchanged" if size is None else "saved").inc()
        self._save_duration.observe(seconds)
        if size is not None:
            self._save_size.observe(size)

    def session_not_saved(self) -> None:
        """Count a save that failed."""
        self._saves.labels("failed").inc()

    def received(self, messages: int) -> None:
        """Count received messages that were recorded."""
        self._received.inc(messages)

    def received_file(self, result: MediaState) -> None:
        """Count the file of a received message that is stored, or will not be."""
        self._received_files.labels(result).inc()

    def _bounded(self, reason: str | None) -> str:
        """Limit the values of the label: a reason can be any code of WhatsApp's page."""
        if reason is None:
            return ""
        known = reason in self._reasons or len(self._reasons) < _REASONS_AT_MOST
        if not known or not re.fullmatch(r"[A-Za-z][\w.-]{0,63}|\d{1,4}", reason, re.ASCII):
            return "other"
        self._reasons.add(reason)
        return reason


def _seconds(span: timedelta) -> float:
    # Not negative: the clocks of two hosts may differ by more than a send takes.
    return max(0.0, span.total_seconds())

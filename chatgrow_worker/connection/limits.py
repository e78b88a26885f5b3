"""How often a page is looked at, and how long everything about it may take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from chatgrow_worker.browser.recycling import RecyclingLimits
from chatgrow_worker.browser.savings import Saving
from chatgrow_worker.connection.recovery import RecoveryRule, RecoveryRules, Remedy
from chatgrow_worker.page.qr_form import QrForm
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.receiving.downloads import DownloadLimits
from chatgrow_worker.receiving.receiver import ReceivingLimits
from chatgrow_worker.receiving.sweep import SweepLimits
from chatgrow_worker.sending.limits import SendLimits
from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.whatsapp_change.change_gate import GateLimits
from sessions.common.disk_space import DiskWatch
from sessions.connections.states import Reason
from sessions.whatsapp.breaker import BreakerLimits

_LEASE_MARGIN = 0.4
"""The part of a lease's life that is left to close the page before another worker may open it."""
_RARELY = timedelta(minutes=15)
"""The longest wait between two tries of a remedy that helps only for a moment."""


@dataclass(frozen=True)
class Limits:
    """How often a page is polled, and how long it may stay in each state."""

    recovery_rules: RecoveryRules
    reload: timedelta
    disk: DiskWatch
    """The disk of the profiles."""
    recycling: RecyclingLimits
    collect_garbage: bool
    qr_form: QrForm
    qr_asked_within: timedelta
    pairing_pause: timedelta
    save_every: timedelta
    lease_ttl: timedelta
    lease_margin: timedelta
    safety_poll: timedelta
    ban_pause: timedelta
    logout_within: timedelta
    sends: SendLimits
    downloads: DownloadLimits
    receiving: ReceivingLimits
    gate: GateLimits
    breaker: BreakerLimits
    look_every: timedelta = timedelta(seconds=2)
    look_when_ready: timedelta = timedelta(seconds=20)
    look_while_loading: timedelta = timedelta(milliseconds=250)
    start_slot: timedelta = timedelta(seconds=30)
    wipe_within: timedelta = timedelta(seconds=10)
    """How long a page may take to wipe its login; it deletes its databases one by one."""
    save_after: timedelta = timedelta(seconds=3)
    restart_first: timedelta = timedelta(seconds=1)
    restart_cap: timedelta = timedelta(minutes=1)

    @classmethod
    def of(cls, settings: WorkerSettings) -> Limits:
        """Take from the settings what an operator can set."""
        probe_within = settings.page_load_limit + settings.send_outcome_limit
        return cls(
            recovery_rules=_recovery_rules(settings),
            reload=settings.page_load_limit,
            disk=settings.disk_of(settings.whatsapp_session_path),
            recycling=RecyclingLimits(
                age=settings.browser_max_age,
                memory_bytes=settings.browser_max_memory_mb * 1024 * 1024,
                look_every=settings.browser_wear_every,
            ),
            collect_garbage=Saving.COLLECT_GARBAGE in settings.savings,
            qr_form=settings.qr_form,
            qr_asked_within=settings.qr_asked_within,
            pairing_pause=settings.pairing_pause,
            save_every=settings.session_save_every,
            lease_ttl=settings.lease_ttl,
            lease_margin=settings.lease_ttl * _LEASE_MARGIN,
            safety_poll=settings.safety_poll,
            ban_pause=settings.ban_pause,
            logout_within=settings.logout_limit,
            sends=SendLimits(
                outcome_within=settings.send_outcome_limit,
                outcome_poll=timedelta(milliseconds=500),
                number_recheck=settings.number_recheck,
                ghost_wait=settings.ghost_wait,
                stalled_after=timedelta(seconds=20),
                resend_ghosts=settings.resend_ghosts,
                tries=settings.send_tries,
            ),
            downloads=DownloadLimits(settings.media_download_limit),
            receiving=ReceivingLimits(
                SweepLimits(
                    settings.received_retention, timedelta(days=settings.import_history_days)
                )
            ),
            gate=GateLimits(
                in_a_row=settings.changed_errors_in_a_row,
                settles=timedelta(seconds=5),
                retry=settings.changed_probe_every,
                probe_within=probe_within,
                reload=settings.page_load_limit,
            ),
            breaker=BreakerLimits(
                connections=settings.changed_connections,
                within=settings.changed_within,
                probe_every=settings.changed_probe_every,
                probe_within=probe_within,
            ),
        )


def _recovery_rules(settings: WorkerSettings) -> RecoveryRules:
    again, new = Remedy.RELOAD, Remedy.NEW_BROWSER
    return {
        PageState.LOADING: RecoveryRule(settings.page_load_limit, (new,), Reason.PAGE_LOADING),
        PageState.SYNCING: RecoveryRule(timedelta(minutes=10), (again, new), Reason.LOADING_CHATS),
        PageState.OFFLINE: RecoveryRule(settings.offline_limit, (again, new), Reason.NETWORK_DOWN),
        PageState.LINE_DEAD: RecoveryRule(settings.line_limit, (again, new), Reason.LINE_LOST),
        PageState.REPLACED: RecoveryRule(
            settings.take_back_after, (again,), Reason.REPLACED, grows_to=_RARELY
        ),
        PageState.STALLED: RecoveryRule(
            settings.stall_limit, (again, new), Reason.SENDS_UNACKNOWLEDGED, grows_to=_RARELY
        ),
        # An outdated page keeps reloading itself; a new browser helps if a cache is the cause.
        PageState.OUTDATED: RecoveryRule(timedelta(minutes=10), (new,), Reason.UPDATE_NEEDED),
        PageState.LEAVING: RecoveryRule(timedelta(minutes=1), (again, new), Reason.PAGE_LOADING),
        PageState.PASSKEY: RecoveryRule(timedelta(minutes=10), (new,), Reason.PASSKEY_WANTED),
    }

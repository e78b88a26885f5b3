"""Wait for the lock that a running server holds: the waiting process is its hot standby."""

import fcntl
import os
import signal
from datetime import timedelta
from pathlib import Path

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_POLL = timedelta(milliseconds=200)


class StoppedError(Exception):
    """Asked to end while waiting for the lock."""


def hold_lock(file: Path) -> int:
    """Return the descriptor of the held lock, inherited across exec; wait for as long as it takes.

    The lock lives as long as the server that inherits it. Raises `StoppedError` on SIGTERM.
    """
    # Blocked and waited for, not handled: a signal between a check and a blocking call gets lost.
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    while not _try_lock(descriptor):
        if signal.sigtimedwait(_STOP_SIGNALS, _POLL.total_seconds()) is not None:
            raise StoppedError
    signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

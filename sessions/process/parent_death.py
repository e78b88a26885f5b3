"""End a process when its parent ends, so that no server outlives a killed owner."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> bool:
    """Ask the kernel for a SIGTERM when the parent ends; return False if it has ended already.

    This survives exec. The signal comes when the thread that started us ends, so that should be
    the parent's main thread.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    # The parent may have ended before the call above.
    return os.getppid() == parent

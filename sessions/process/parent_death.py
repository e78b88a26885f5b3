"""Tie a process to the one that started it, so that no server outlives a killed owner."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> bool:
    """Ask the kernel for SIGTERM when the parent ends; return False when it has ended already.

    The wish survives exec. It is tied to the thread that started us, so start from a main thread.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    # The parent may have ended before the kernel knew of the wish.
    return os.getppid() == parent

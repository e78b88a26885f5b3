"""The profile directory of a connection, and the processes that use it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import psutil
from loguru import logger

from chatgrow_worker.browser.profile_backup import remove_backup
from sessions.blobs import clear_leftovers

PROBE = "probe"
"""The prefix of the names of empty profiles for trying a page; no connection's id begins so."""
_KILL_WAIT_SECONDS = 3.0


def profile_of(root: Path, connection: str) -> Path:
    """Return the profile directory; `connection` must be an internal id, not a user's text."""
    if not (connection.isascii() and connection.isalnum()):
        raise ValueError(f"not an id of ours: {connection!r}")
    return root / connection


def remove_profile(profile: Path) -> None:
    """Remove a profile that no browser uses and whose login has ended."""
    shutil.rmtree(profile, ignore_errors=True)
    remove_backup(profile)
    clear_leftovers(profile)


async def free_profile(profile: Path) -> None:
    """Kill browsers that a dead worker has left on the profile, and remove their lock files.

    Only the holder of the connection's lease may call this. Raises OSError.
    """
    killed = await asyncio.to_thread(_kill_holders, profile)
    if killed:
        logger.warning("Killed {} browser processes that were left on a profile", killed)
    for lock in profile.glob("Singleton*"):
        lock.unlink(missing_ok=True)


def holders_of(profile: Path) -> list[psutil.Process]:
    """Return the processes with the profile in their command line."""
    flag = f"--user-data-dir={profile}"
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if flag in (process.info["cmdline"] or [])
    ]


def _kill_holders(profile: Path) -> int:
    """Kill the processes that use the profile; return how many there were."""
    holders = holders_of(profile)
    for process in holders:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied as error:
            raise OSError(f"process {process.pid} of another user runs on {profile}") from error
    psutil.wait_procs(holders, timeout=_KILL_WAIT_SECONDS)
    return len(holders)

"""Remove the browser profiles of connections that were deleted while another worker ran them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from loguru import logger

from chatgrow_worker.browser.profile import free_profile, remove_profile
from chatgrow_worker.browser.profile_backup import names_in
from sessions.deletion.connections import Removals


class LeftProfiles:
    """The profiles of one worker; only those of connections known as deleted are removed."""

    def __init__(self, root: Path, removals: Removals, runs_here: Callable[[str], bool]) -> None:
        self._root = root
        self._removals = removals
        self._runs_here = runs_here

    async def remove(self) -> None:
        """Remove the profiles of deleted connections."""
        names = await asyncio.to_thread(names_in, self._root)
        for name in await self._removals.removed_among(names):
            if not self._runs_here(name):
                await self._remove(name)

    async def _remove(self, name: str) -> None:
        """Remove one profile; if that fails, log it, so that the others are removed, too."""
        profile = self._root / name
        try:
            await free_profile(profile)
            await asyncio.to_thread(remove_profile, profile)
            if await asyncio.to_thread(profile.exists):
                raise OSError("it cannot be removed")  # noqa: TRY301 - logged like other errors
        except OSError as error:
            logger.warning("The profile of deleted connection {} is still there: {}", name, error)
        else:
            logger.info("Removed the profile of deleted connection {}", name)

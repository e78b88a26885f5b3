"""The first API key: set by the operator, or created at the first start and kept in a file."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from loguru import logger

from sessions.accounts.api_keys import ApiKeyStore, new_key
from sessions.encryption.key_file import read_or_make

KEY_FILE = "first-api.key"
"""In the data directory, readable by its owner only; remove it after noting the key."""


async def ensure_first_key(
    keys: ApiKeyStore, chosen: str | None, data_dir: Path, now: datetime
) -> None:
    """Make sure that there is a first key; the log names its file, but never the key.

    Raises ConfigurationError if a key has to be created and its file cannot be written.
    """
    file = data_dir / KEY_FILE
    if chosen is not None:
        await _choose(keys, chosen, now)
    elif not await keys.has_first():
        await _make(keys, file, now)
    await _remove_if_void(keys, file)


async def _choose(keys: ApiKeyStore, chosen: str, now: datetime) -> None:
    await keys.choose_first(chosen, now)
    if not await keys.is_first(chosen):
        logger.warning(
            "INITIAL_API_KEY was revoked or is another API key, so it is not the first key. Set "
            "it to a new key to have a first key again"
        )


async def _make(keys: ApiKeyStore, file: Path, now: datetime) -> None:
    # The file is written first: a key that is stored only as a hash would be lost.
    key = await asyncio.to_thread(read_or_make, file, new_key())
    await keys.make_first(key, now)
    if await keys.is_first(key):
        logger.warning(
            "The first API key, which may do everything, is in the file {}. Note the key, then "
            "remove the file",
            file,
        )


async def _remove_if_void(keys: ApiKeyStore, file: Path) -> None:
    """Remove the file of a key that is not the first key, or not any more.

    It was revoked, or an API process on another host was faster, whose log names the file there.
    """
    with suppress(OSError, UnicodeDecodeError):
        kept = await asyncio.to_thread(file.read_text)
        if not await keys.is_first(kept.strip()):
            await asyncio.to_thread(file.unlink)

"""Find the login to start from: the profile on disk, or the newest blob that holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

from loguru import logger

from chatgrow_worker.browser.notes import (
    ProfileNote,
    read_dump,
    read_note,
    remove_dump,
    write_dump,
    write_note,
)
from chatgrow_worker.browser.profile import free_profile, remove_profile
from chatgrow_worker.browser.profiles_root import disk_reason
from chatgrow_worker.page.errors import PageBrokenError
from sessions.blobs import Blob, BlobError, BlobKind, BlobReason, BlobStore, is_complete
from sessions.states import Reason


class SessionSource:
    """Prepares a profile; what was tried and did not log in is not tried again.

    The profile on disk wins unless a blob is newer: restoring an older login would rewind what
    WhatsApp counts on both sides. What was logged in under the lease generation `forgotten` or
    before, on another host perhaps, was given up and is not used.
    """

    def __init__(
        self, blobs: BlobStore, connection: str, profile: Path, forgotten: int = -1
    ) -> None:
        self._blobs = blobs
        self._forgotten = forgotten
        self._connection = connection
        self._profile = profile
        self._local_failed = False
        self._tried: set[str] = set()
        self._current: Blob | None = None
        self.found = False  # whether the last `prepare` found a login

    async def prepare(self) -> dict[str, str] | None:
        """Make the profile ready; return the dump of localStorage to put back, if one is needed.

        The profile may be without a login afterwards: then nothing that holds is left. Raises
        PageBrokenError when the disk does not take it.
        """
        try:
            return await self._prepare()
        except OSError as error:
            raise PageBrokenError(disk_reason(error), str(error)) from error

    async def _prepare(self) -> dict[str, str] | None:
        await free_profile(self._profile)
        await self._remove_what_was_given_up()
        self.found = True
        blobs = await self._blobs.blobs_of(self._connection)
        note = self._local()
        if note is not None and (not blobs or note.generation >= blobs[0].generation):
            return None if note.clean else read_dump(self._profile)
        for blob in blobs:
            if blob.id not in self._tried and await self._restored(blob):
                return read_dump(self._profile)
        self.found = False
        return None

    async def _remove_what_was_given_up(self) -> None:
        note = read_note(self._profile)
        if note is not None and note.generation <= self._forgotten:
            await asyncio.to_thread(remove_profile, self._profile)

    def _local(self) -> ProfileNote | None:
        """Return what is known of the profile on disk; a login without a note is very young."""
        if self._local_failed:
            return None
        young = ProfileNote(generation=0, clean=False) if is_complete(self._profile) else None
        return read_note(self._profile) or young

    def reject(self) -> bool:
        """Take the login that was prepared last for a bad one; tell whether it was one at all."""
        # Found then, even if the disk has lost it since.
        known = self.found or self._local() is not None
        if self._current is not None:
            self._tried.add(self._current.id)
            self._current = None
        self._local_failed = True
        return known

    async def give_way(self) -> bool:
        """Reject the login that was prepared last if there is another to try; tell whether so."""
        blobs = await self._blobs.blobs_of(self._connection)
        current = {self._current.id} if self._current else set()
        if all(each.id in self._tried | current for each in blobs):
            return False
        return self.reject()

    async def forget(self, *, blobs_too: bool) -> None:
        """Remove the profile after a logout, and the blobs with it: they log nobody in any more."""
        await free_profile(self._profile)
        await asyncio.to_thread(remove_profile, self._profile)
        if blobs_too:
            await self._blobs.discard(self._connection)

    async def _restored(self, blob: Blob) -> bool:
        try:
            dump = await self._blobs.restore(self._connection, blob, self._profile)
        except BlobError as error:
            if error.reason is BlobReason.WRONG_KEY:
                # The login is not lost: with its key it comes back.
                raise PageBrokenError(Reason.KEY_MISSING, str(error)) from error
            self._tried.add(blob.id)
            logger.error("Blob {} does not hold, trying an older one: {}", blob.serial, error)
            return False
        clean = blob.kind is BlobKind.CLEAN
        if dump is not None:
            write_dump(self._profile, dump)
        else:
            # What an earlier login has left would be put over this one.
            remove_dump(self._profile)
        # Last: after a crash before it the blob is still the newer one, and restored again.
        write_note(self._profile, ProfileNote(generation=blob.generation, clean=clean))
        self._current = blob
        self._local_failed = False
        logger.info("Restored the login from blob {} ({})", blob.serial, blob.kind)
        return True

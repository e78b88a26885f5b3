"""Find the login to start from: the profile on disk, or the newest blob that can be restored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from loguru import logger

from chatgrow_worker.browser.profile import free_profile, remove_profile
from chatgrow_worker.browser.profile_backup import (
    back_up,
    backup_note,
    has_backup,
    remove_backup,
    restore_backup,
)
from chatgrow_worker.browser.profile_notes import (
    ProfileNote,
    read_dump,
    read_note,
    remove_dump,
    remove_note,
    write_dump,
    write_note,
)
from chatgrow_worker.browser.profiles_root import disk_reason
from chatgrow_worker.page.errors import PageBrokenError
from sessions.blobs import Blob, BlobStore, is_complete
from sessions.common.threads import to_the_end
from sessions.connections.leases import Lease
from sessions.connections.states import Reason
from sessions.encryption.errors import BlobError, BlobReason


class LoginSource:
    """Prepare a profile; a login that was tried and failed is not tried again.

    The profile on disk is preferred unless a blob is newer: an older login would rewind counters
    that WhatsApp keeps on both sides. Logins of the lease generation `forgotten` and before were
    given up, perhaps on another host, and are not used.
    """

    def __init__(self, blobs: BlobStore, lease: Lease, profile: Path, forgotten: int = -1) -> None:
        self._blobs = blobs
        self._forgotten = forgotten
        self._lease = lease
        self._connection = lease.connection
        self._profile = profile
        self._local_failed = False
        self._tried: set[str] = set()
        self._current: Blob | None = None
        self.found = False  # whether the last `prepare` found a login

    async def prepare(self) -> dict[str, str] | None:
        """Prepare the profile; return the dump of localStorage to restore, if there is one.

        If no usable login is left, the profile has none afterwards. Raises PageBrokenError if the
        disk fails.
        """
        try:
            return await self._prepare()
        except OSError as error:
            raise PageBrokenError(disk_reason(error), str(error)) from error

    async def _prepare(self) -> dict[str, str] | None:
        await free_profile(self._profile)
        blobs = await self._blobs.blobs_of(self._connection)
        await to_the_end(asyncio.to_thread(self._tidy, blobs))
        self.found = True
        note = self._local()
        if note is not None and (not blobs or note.generation >= blobs[0].generation):
            return read_dump(self._profile)
        for blob in blobs:
            if blob.id not in self._tried and await self._restored(blob):
                return read_dump(self._profile)
        if await to_the_end(asyncio.to_thread(self._put_back)):
            return await self._prepare()
        self.found = False
        return None

    def _tidy(self, blobs: Sequence[Blob]) -> None:
        """Remove what must not be used any more, and restore a backup that a crash has left."""
        note = read_note(self._profile)
        if note is not None and note.generation <= self._forgotten:
            remove_profile(self._profile)
        if not has_backup(self._profile):
            return
        backup = backup_note(self._profile)
        least = max(self._forgotten + 1, blobs[0].generation if blobs else 0)
        if backup is None or backup.generation < least:
            remove_backup(self._profile)
        elif note is None and not self._local_failed:
            self._put_back()

    def _local(self) -> ProfileNote | None:
        """Return the note of the profile on disk; a login without a note counts as generation 0."""
        if self._local_failed:
            return None
        unnoted = ProfileNote(generation=0) if is_complete(self._profile) else None
        return read_note(self._profile) or unnoted

    def reject(self) -> bool:
        """Reject the login that was prepared last; tell whether there was one."""
        # `found`: there was one, even if the disk has lost it since.
        known = self.found or self._local() is not None
        if self._current is not None:
            self._tried.add(self._current.id)
            self._current = None
        self._local_failed = True
        return known

    def rejects_archive(self) -> bool:
        """Reject the login that was prepared last, if there is a backup of another one.

        The backup may be good: its phone may have been linked after this login was saved.
        """
        return has_backup(self._profile) and self.reject()

    async def has_another(self) -> bool:
        """Tell whether there is a saved login that was not tried yet."""
        blobs = await self._blobs.blobs_of(self._connection)
        current = {self._current.id} if self._current else set()
        return any(each.id not in self._tried | current for each in blobs)

    async def give_way(self) -> bool:
        """Back up the login that was prepared last, to try a saved one; tell whether that worked.

        The backup is restored at the latest when no saved login works.
        """
        try:
            await to_the_end(asyncio.to_thread(back_up, self._profile))
        except OSError as error:
            logger.warning("The login cannot be backed up: {}", error)
            return False
        self.reject()
        return True

    async def restore_backup(self) -> bool:
        """Restore the login that was backed up; tell whether there was one."""
        try:
            return await to_the_end(asyncio.to_thread(self._put_back))
        except OSError as error:
            logger.warning("The login's backup cannot be restored: {}", error)
            return False

    def _put_back(self) -> bool:
        if not has_backup(self._profile):
            return False
        restore_backup(self._profile)
        if self._current is not None:
            self._tried.add(self._current.id)
            self._current = None
        self._local_failed = False
        return True

    async def forget(self, *, blobs_too: bool) -> None:
        """Remove the profile after a logout, and the blobs too, since they do not work any more.

        Raises LeaseLostError if another worker owns the connection by now.
        """
        await free_profile(self._profile)
        await asyncio.to_thread(remove_profile, self._profile)
        if blobs_too:
            await self._blobs.discard(self._lease)

    async def _restored(self, blob: Blob) -> bool:
        if self._local_failed:
            # After a crash, the old note must not belong to the restored login.
            remove_note(self._profile)
        try:
            dump = await self._blobs.restore(self._connection, blob, self._profile)
        except BlobError as error:
            if error.reason is BlobReason.WRONG_KEY and not has_backup(self._profile):
                # The login is not lost: it can be restored with its key.
                raise PageBrokenError(Reason.KEY_MISSING, str(error)) from error
            self._tried.add(blob.id)
            logger.error("Blob {} is not usable, trying an older one: {}", blob.serial, error)
            return False
        if dump is not None:
            write_dump(self._profile, dump)
        else:
            # The dump of an earlier login must not be restored over this one.
            remove_dump(self._profile)
        # Last: after a crash before it, the blob is restored again.
        write_note(self._profile, ProfileNote(generation=blob.generation))
        self._current = blob
        self._local_failed = False
        logger.info("Restored the login from blob {} ({})", blob.serial, blob.kind)
        return True

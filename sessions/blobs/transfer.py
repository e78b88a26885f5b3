"""Move one login between a browser's profile and the encrypted files in the store."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from sessions.blobs.archive import pack, pack_part
from sessions.blobs.dedup import Part, Plan, lasting_files, make_plan, reusable_parts
from sessions.blobs.encryption import Identity, Sealed, seal_to_file, unseal
from sessions.blobs.records import Blob, BlobKind, History
from sessions.blobs.streams import Source
from sessions.common.threads import a_few_at_a_time, in_thread, to_the_end
from sessions.encryption.errors import BlobError, BlobReason

if TYPE_CHECKING:
    from sessions.blobs.gridfs import BlobFiles, StoredFile
    from sessions.common.threads import Stop
    from sessions.encryption.frames import Opener, Writable
    from sessions.encryption.keys import KeyRing

_AT_ONCE = 3


@dataclass(frozen=True)
class Login:
    """What to save: a profile that nothing writes to, and the localStorage that the page showed."""

    profile: Path
    kind: BlobKind
    local_storage: dict[str, str] | None
    saved_at: datetime


@dataclass(frozen=True)
class Saved:
    """A save that is done.

    `size` is what the whole login takes in the store and `added` what this save added, in bytes,
    packed and encrypted.
    """

    blob: Blob
    size: int
    added: int


class Saving:
    """One save in progress, and the files that it has uploaded so far."""

    def __init__(
        self, files: BlobFiles, keys: KeyRing, identity: Identity, before: History, largest: int
    ) -> None:
        self._files = files
        self._keys = keys
        self._identity = identity
        self._before = before
        self._largest = largest
        self.uploaded: dict[str, int] = {}
        """The files that this save has uploaded: id to size in bytes."""

    async def upload(self, login: Login) -> Saved | None:
        """Upload the parts that the store does not have; return None if nothing has changed.

        If this fails, it removes what it has uploaded. Raises NotSavedError.
        """
        try:
            return await self._upload(login)
        except BaseException:
            await to_the_end(self._files.try_to_remove(self.uploaded))
            raise

    async def _upload(self, login: Login) -> Saved | None:
        plan = await self._plan(login.profile)
        with tempfile.TemporaryFile() as file:  # without a name: a killed process leaves no file
            temporary = cast("BinaryIO", file)
            sealed, content_hash = await self._seal_blob(login, plan.parts, temporary)
            newest = self._before.newest
            if newest is not None and newest.content_hash == content_hash:
                return None
            await a_few_at_a_time(self._put_part, plan.missing.values(), _AT_ONCE)
            blob = self._blob(login, sealed, content_hash, plan.ids)
            await self._put(blob.id, sealed, temporary)
        added = sum(self.uploaded.values())
        return Saved(blob, sum(plan.reused.values()) + added, added)

    async def _plan(self, profile: Path) -> Plan:
        files = await in_thread(lambda stop: lasting_files(profile, self._largest, stop))
        connection, before = self._identity.connection, self._before
        stored = await reusable_parts(self._files, self._keys, connection, before) if files else {}
        return make_plan(files, stored, self._identity, before.new_id)

    async def _put_part(self, missing: tuple[Path, Part]) -> None:
        path, part = missing
        identity = part.identity(self._identity.connection)

        def fill(out: Writable) -> None:
            pack_part(path, part, out)

        with tempfile.TemporaryFile() as file:
            temporary = cast("BinaryIO", file)
            sealed, _ = await in_thread(
                lambda stop: seal_to_file(self._keys, identity, temporary, stop, fill)
            )
            await self._put(part.id, sealed, temporary)

    async def _put(self, file_id: str, sealed: Sealed, file: BinaryIO) -> None:
        await self._files.put(file_id, sealed, file)
        self.uploaded[file_id] = sealed.fingerprint.size

    async def _seal_blob(
        self, login: Login, parts: Sequence[Part], file: BinaryIO
    ) -> tuple[Sealed, str]:
        def fill(out: Writable) -> str:
            return pack(login.profile, login.local_storage, parts, out, self._largest)

        return await in_thread(
            lambda stop: seal_to_file(self._keys, self._identity, file, stop, fill)
        )

    def _blob(
        self, login: Login, sealed: Sealed, content_hash: str, parts: tuple[str, ...]
    ) -> Blob:
        return Blob(
            id=self._before.new_id(),
            serial=self._identity.serial,
            kind=login.kind,
            sha256=sealed.fingerprint.sha256,
            content_hash=content_hash,
            size=sealed.fingerprint.size,
            saved_at=login.saved_at,
            generation=self._identity.generation,
            parts=parts,
        )


class Fetched:
    """The encrypted files of one saved login, one after the other in a temporary file."""

    def __init__(self, keys: KeyRing, file: BinaryIO, stored: Sequence[StoredFile]) -> None:
        self._keys = keys
        self._file = file
        self._files = {each.id: each for each in stored}
        ends = accumulate(each.size for each in stored)
        self._starts = dict(zip(self._files, (0, *ends), strict=False))

    async def fetch(self, files: BlobFiles, blob: Blob) -> None:
        """Fetch all files; raise BlobError."""

        async def get(file_id: str) -> None:
            expected = blob.fingerprint if file_id == blob.id else None
            await files.get(file_id, expected, self._file, self._starts[file_id])

        await a_few_at_a_time(get, self._files, _AT_ONCE)

    def open(self, file_id: str, expected: Identity, stop: Stop) -> Opener:
        """Return a reader of a file's content; opening and reading raise BlobError."""
        stored = self._files.get(file_id)
        if stored is None:
            raise BlobError(BlobReason.MISSING, "The blob names a part that its record does not.")
        source = Source(stop, self._file, self._starts[file_id], stored.size)
        return unseal(self._keys, stored.header, expected, source)


async def fetch(files: BlobFiles, keys: KeyRing, blob: Blob, file: BinaryIO) -> Fetched:
    """Fetch a blob and its parts into a file; raise BlobError."""
    fetched = Fetched(keys, file, await files.all_of(blob.files))
    await fetched.fetch(files, blob)
    return fetched

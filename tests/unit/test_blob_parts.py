"""Files that are stored by themselves: which they are, and what a list of them may do to a disk."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from sessions.blobs.archive import pack, pack_part, unpack
from sessions.blobs.dedup import SMALLEST, Part, lasting_files
from sessions.blobs.errors import IncompleteProfileError, ProfileTooLargeError
from sessions.blobs.login_files import LARGEST
from sessions.common.threads import Stop, StoppedError
from sessions.encryption.errors import BlobError, BlobReason
from tests.blob_profiles import OTHERS, UNSAVED, contents, login, tables, write_profile

_INDEXED_DB = "Default/IndexedDB/https_web.whatsapp.com_0.indexeddb"
_NAME = f"{_INDEXED_DB}.leveldb/000100.ldb"
_TABLE = os.urandom(SMALLEST)
_LOCAL = {**OTHERS, **UNSAVED, **login(b"local")}


def _part(content: bytes = _TABLE, name: str = _NAME, size: int | None = None) -> Part:
    digest = hashlib.sha256(content).hexdigest()
    size = len(content) if size is None else size
    return Part(name=name, size=size, sha256=digest, id=name, generation=1, serial=1)


def _names(profile: Path, limit: int = LARGEST) -> list[str]:
    return [file.name for file in lasting_files(profile, limit, Stop())]


def test_large_files_that_chromium_never_changes_are_parts(tmp_path: Path) -> None:
    blob = f"{_INDEXED_DB}.blob/1/00/4"
    files = {
        _NAME: _TABLE,
        blob: _TABLE,
        f"{_INDEXED_DB}.leveldb/000101.ldb": _TABLE[:-1],
        f"{_INDEXED_DB}.leveldb/000102.log": _TABLE,
        f"{_INDEXED_DB}.leveldb/MANIFEST-000002": _TABLE,
        "Default/Cache/000100.ldb": _TABLE,
    }
    profile = write_profile(tmp_path / "a.blob", {**login(), **files})
    [first, second] = lasting_files(profile, LARGEST, Stop())
    assert (first.name, second.name) == (blob, _NAME)
    assert second.size == len(_TABLE)
    assert second.sha256 == hashlib.sha256(_TABLE).hexdigest()


def test_parts_over_the_limit_are_not_hashed_to_the_end(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", {**login(), **tables([_TABLE, _TABLE])})
    assert len(_names(profile, 2 * SMALLEST)) == 2
    with pytest.raises(ProfileTooLargeError):
        _names(profile, 2 * SMALLEST - 1)


def test_hashing_stops_when_nobody_waits_for_it(tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(StoppedError):
        lasting_files(write_profile(tmp_path / "here", login()), LARGEST, stop)


def test_a_file_that_changed_after_it_was_hashed_is_not_packed(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", {_NAME: _TABLE[1:] + b"x"})
    with pytest.raises(IncompleteProfileError, match="changed"):
        pack_part(profile / _NAME, _part(), io.BytesIO())
    (profile / _NAME).unlink()
    with pytest.raises(IncompleteProfileError, match="vanished"):
        pack_part(profile / _NAME, _part(), io.BytesIO())


def test_the_content_of_a_part_is_not_in_the_archive_and_counts_in_its_hash(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", {**login(), _NAME: _TABLE})
    same = _part().model_copy(update={"id": "another", "serial": 2})
    lists = [[_part()], [same], [_part(_TABLE[::-1])], [_part(name=f"{_NAME}.other")], []]
    packed = [_packed(profile, parts) for parts in lists]
    assert len(packed[0][1]) < 2_000
    assert packed[0][0] == packed[1][0]
    assert len({content_hash for content_hash, _ in packed}) == len(lists) - 1


def test_a_part_counts_in_the_limit_of_an_archive(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", {**login(), _NAME: _TABLE})
    with pytest.raises(ProfileTooLargeError):
        pack(profile, None, [_part()], io.BytesIO(), limit_bytes=SMALLEST)


def test_parts_come_back_where_they_were(tmp_path: Path) -> None:
    there = tmp_path / "there"
    _unpack(tmp_path, there, [_part(), _part(name=f"{_INDEXED_DB}.blob/new/folder/4")])
    restored = {_NAME: _TABLE, f"{_INDEXED_DB}.blob/new/folder/4": _TABLE}
    assert contents(there) == {**login(b"new"), **restored}
    assert {path.stat().st_mode & 0o777 for path in there.rglob("*.ldb")} == {0o600}


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/outside",
        "Default/IndexedDB/../../../outside",
        "Default/IndexedDB/../../Local State",
        "Default/Preferences",
        "Default/IndexedDB",
        "Local State",
        "local_storage.json",
        "Default//IndexedDB/x",
        "Default/IndexedDB/./x",
        "Default/IndexedDB/x\0",
        "",
        f"{_INDEXED_DB}.leveldb/CURRENT",
        f"{_INDEXED_DB}.leveldb/CURRENT/x",
        f"{_INDEXED_DB}.leveldb",
    ],
)
def test_a_list_that_reaches_elsewhere_changes_nothing(tmp_path: Path, name: str) -> None:
    assert _refused(tmp_path, [_part(name=name)]) is BlobReason.DAMAGED


def test_a_list_that_names_a_file_twice_changes_nothing(tmp_path: Path) -> None:
    assert _refused(tmp_path, [_part(), _part()]) is BlobReason.DAMAGED


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (_TABLE[1:] + b"x", _part()),
        (_TABLE, _part(size=SMALLEST + 1)),
        (_TABLE, _part(size=SMALLEST - 1)),
        (b"", _part()),
        (bytes(1024 * 1024 * 50), _part()),
    ],
    ids=["other", "shorter", "longer", "empty", "blown up"],
)
def test_a_part_that_is_not_what_the_list_says_changes_nothing(
    tmp_path: Path, content: bytes, part: Part
) -> None:
    assert _refused(tmp_path, [part], content) is BlobReason.DAMAGED


@pytest.mark.parametrize("sealed", [b"", b"no zstd", zstandard.compress(_TABLE)[:-1]])
def test_what_is_no_part_changes_nothing(tmp_path: Path, sealed: bytes) -> None:
    assert _refused(tmp_path, [_part()], sealed=sealed) is BlobReason.DAMAGED


def test_parts_of_more_than_the_limit_are_refused_before_they_are_read(tmp_path: Path) -> None:
    def open_part(_: Part) -> io.BytesIO:
        raise AssertionError

    reason = _refused(tmp_path, [_part(size=LARGEST)], open_part=open_part)
    assert reason is BlobReason.TOO_LARGE


def test_a_part_that_fails_at_its_very_end_changes_nothing(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if data := super().read(size):
                return data
            raise BlobError(BlobReason.TRUNCATED, "The last frame is missing.")

    sealed = zstandard.compress(_TABLE)
    reason = _refused(tmp_path, [_part()], open_part=lambda _: Failing(sealed))
    assert reason is BlobReason.TRUNCATED


def _packed(profile: Path, parts: list[Part]) -> tuple[str, bytes]:
    out = io.BytesIO()
    return pack(profile, None, parts, out), out.getvalue()


def _refused(
    folder: Path,
    parts: list[Part],
    content: bytes = _TABLE,
    sealed: bytes | None = None,
    open_part: Callable[[Part], io.BytesIO] | None = None,
) -> BlobReason:
    """Unpack over another login, which must be as it was then; return why it was refused."""
    there = write_profile(folder / "there", login(b"local"))
    stored = zstandard.compress(content) if sealed is None else sealed
    with pytest.raises(BlobError) as caught:
        _unpack(folder, there, parts, open_part or (lambda _: io.BytesIO(stored)))
    assert contents(there) == _LOCAL
    assert {path.name for path in folder.iterdir()} == {"source", "there"}
    return caught.value.reason


def _unpack(
    folder: Path,
    there: Path,
    parts: list[Part],
    open_part: Callable[[Part], io.BytesIO] = lambda _: io.BytesIO(zstandard.compress(_TABLE)),
) -> None:
    """Unpack a login of which these are parts."""
    source = write_profile(folder / "source", login(b"new"))
    out = io.BytesIO()
    pack(source, None, parts, out, limit_bytes=10 * LARGEST)
    unpack(io.BytesIO(out.getvalue()), open_part, there)

"""What is packed of a profile, what is refused, and what an archive may do to a disk."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.blobs.archive import pack, unpack
from sessions.blobs.errors import IncompleteProfileError, ProfileTooLargeError
from sessions.blobs.login_files import is_complete
from sessions.encryption.errors import BlobError, BlobReason
from tests.blob_profiles import OTHERS, UNSAVED, contents, login, no_part, write_profile

_INDEXED_DB = "Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb"
_DUMP = {"WANoiseInfo": "secret", "lone surrogate": "\ud800", "": ""}


def _packed(profile: Path, dump: dict[str, str] | None = None) -> tuple[str, bytes]:
    out = io.BytesIO()
    return pack(profile, dump, [], out), out.getvalue()


def test_a_login_comes_back_as_it_was(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", login())
    _, packed = _packed(profile, _DUMP)
    there = tmp_path / "there"
    assert unpack(io.BytesIO(packed), no_part, there) == _DUMP
    assert contents(there) == login()
    assert is_complete(there)


def test_only_the_login_is_packed(tmp_path: Path) -> None:
    _, packed = _packed(write_profile(tmp_path / "here", login()), _DUMP)
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert sorted(tar.getnames()) == sorted([*login(), "local_storage.json"])


def test_what_is_restored_is_for_its_owner_only(tmp_path: Path) -> None:
    _, packed = _packed(write_profile(tmp_path / "here", login()))
    there = tmp_path / "there"
    unpack(io.BytesIO(packed), no_part, there)
    for path in [there, *there.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_other_files_of_the_profile_stay_and_an_old_login_goes(tmp_path: Path) -> None:
    _, packed = _packed(write_profile(tmp_path / "here", login(b"new")))
    old = {**login(b"old"), f"{_INDEXED_DB}/000009.ldb": b"old"}
    there = write_profile(tmp_path / "there", old)
    (there / "Default/link").symlink_to("nowhere")
    assert unpack(io.BytesIO(packed), no_part, there) is None
    assert contents(there) == {**OTHERS, **login(b"new")}
    assert (there / "Default/link").is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"here", "there"}


def test_equal_content_has_an_equal_hash_whatever_its_times_and_diaries(tmp_path: Path) -> None:
    first = write_profile(tmp_path / "first", login())
    second = write_profile(tmp_path / "second", dict(reversed(login().items())))
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
    (second / f"{_INDEXED_DB}/LOG").write_text("another start")
    assert _packed(first, _DUMP) == _packed(second, dict(reversed(_DUMP.items())))


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.rename(path.with_name("000010.log")),
        lambda path: path.write_bytes(b"other"),
        lambda path: path.with_name("000010.log").touch(),
        lambda path: path.unlink(),
    ],
    ids=["renamed", "changed", "added", "removed"],
)
def test_other_content_has_another_hash(tmp_path: Path, change: Callable[[Path], None]) -> None:
    profile = write_profile(tmp_path / "here", login())
    before, _ = _packed(profile)
    change(profile / f"{_INDEXED_DB}/000003.log")
    assert _packed(profile)[0] != before


def test_another_dump_has_another_hash(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", login())
    hashes = [_packed(profile, dump)[0] for dump in (None, {}, {"a": "b"}, {"a": "c"})]
    assert len(set(hashes)) == len(hashes)


@settings(max_examples=25)
@given(st.dictionaries(st.text(), st.text()))
def test_any_local_storage_comes_back(
    tmp_path_factory: pytest.TempPathFactory, dump: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("dump")
    _, packed = _packed(write_profile(folder / "here", login()), dump)
    assert unpack(io.BytesIO(packed), no_part, folder / "there") == dump


@pytest.mark.parametrize("part", ["IndexedDB", "Local Storage"])
def test_half_a_login_is_not_packed(tmp_path: Path, part: str) -> None:
    half = {name: text for name, text in login().items() if f"/{part}/" not in name}
    profile = write_profile(tmp_path / "here", half)
    assert not is_complete(profile)
    with pytest.raises(IncompleteProfileError, match=f"Default/{part} is missing or empty"):
        _packed(profile)


def test_a_profile_that_is_not_there_is_not_complete(tmp_path: Path) -> None:
    assert not is_complete(tmp_path / "nowhere")
    with pytest.raises(IncompleteProfileError):
        _packed(tmp_path / "nowhere")


def test_a_database_that_lost_its_manifest_is_not_packed(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", login())
    (profile / f"{_INDEXED_DB}/MANIFEST-000001").unlink()
    assert not is_complete(profile)
    with pytest.raises(IncompleteProfileError, match="CURRENT names a file that is not there"):
        _packed(profile)


def test_a_profile_over_the_limit_is_not_packed(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", login(ballast=b"x" * 5000))
    with pytest.raises(ProfileTooLargeError):
        pack(profile, None, [], io.BytesIO(), limit_bytes=5000)


def test_a_file_outside_is_not_packed_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"not of the profile")
    profile = write_profile(tmp_path / "here", login())
    (profile / f"{_INDEXED_DB}/000011.log").symlink_to(outside)
    there = tmp_path / "there"
    unpack(io.BytesIO(_packed(profile)[1]), no_part, there)
    assert contents(there) == login()


def _entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.linkname = target
    return entry


@pytest.mark.parametrize(
    "entry",
    [
        _entry("../outside"),
        _entry("/Default/IndexedDB/../../../outside"),
        _entry("Default/IndexedDB/../../../outside"),
        _entry("Default/IndexedDB/../../Local State"),
        _entry("Default/Preferences"),
        _entry("Default/IndexedDB"),
        _entry("Local State"),
        _entry("Default/IndexedDB/link", tarfile.SYMTYPE, "/etc/passwd"),
        _entry("Default/IndexedDB/link", tarfile.LNKTYPE, "../../outside"),
        _entry("Default/IndexedDB/pipe", tarfile.FIFOTYPE),
        _entry("Default/IndexedDB/device", tarfile.CHRTYPE),
        _entry("Default/IndexedDB/folder", tarfile.DIRTYPE),
        _entry("Default/IndexedDB/x.leveldb/CURRENT"),
    ],
    ids=lambda entry: f"{entry.name}-{entry.type.decode()}",
)
def test_an_archive_that_reaches_elsewhere_changes_nothing(
    tmp_path: Path, entry: tarfile.TarInfo
) -> None:
    there = write_profile(tmp_path / "there", login(b"old"))
    with pytest.raises(BlobError) as caught:
        unpack(_archive({**login(b"new")}, entry), no_part, there)
    assert caught.value.reason is BlobReason.DAMAGED
    assert contents(there) == {**OTHERS, **UNSAVED, **login(b"old")}
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", zstandard.compress(b""), zstandard.compress(b"no tar" * 1000)],
    ids=["nothing", "not zstd", "empty", "not tar"],
)
def test_what_is_no_archive_changes_nothing(tmp_path: Path, content: bytes) -> None:
    there = write_profile(tmp_path / "there", login(b"old"))
    with pytest.raises(BlobError):
        unpack(io.BytesIO(content), no_part, there)
    assert contents(there) == {**OTHERS, **UNSAVED, **login(b"old")}


def test_an_archive_that_blows_up_is_refused_before_the_disk_fills(tmp_path: Path) -> None:
    profile = write_profile(tmp_path / "here", login(ballast=bytes(3_000_000)))
    _, packed = _packed(profile)
    assert len(packed) < 10_000
    with pytest.raises(BlobError) as caught:
        unpack(io.BytesIO(packed), no_part, tmp_path / "there", limit_bytes=1_000_000)
    assert caught.value.reason is BlobReason.TOO_LARGE
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_source_that_fails_at_its_very_end_changes_nothing(tmp_path: Path) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if data := super().read(size):
                return data
            raise BlobError(BlobReason.TRUNCATED, "The last frame is missing.")

    _, packed = _packed(write_profile(tmp_path / "here", login(b"new")))
    there = write_profile(tmp_path / "there", login(b"old"))
    with pytest.raises(BlobError, match="last frame"):
        unpack(Failing(packed), no_part, there)
    assert contents(there) == {**OTHERS, **UNSAVED, **login(b"old")}


def _archive(files: dict[str, bytes], extra: tarfile.TarInfo) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        tar.addfile(extra)
    return io.BytesIO(zstandard.compress(out.getvalue()))

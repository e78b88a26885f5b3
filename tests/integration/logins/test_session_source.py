"""Which login a connection starts from, on the real MongoDB and the real disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chatgrow_worker.browser.profile_notes import ProfileNote, read_note, write_dump, write_note
from chatgrow_worker.login.source import LoginSource
from sessions.blobs import BlobKind, BlobStore
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.encryption.keys import Key, KeyRing
from tests.blob_profiles import contents, login, write_profile
from tests.builders import Stores


@pytest.fixture
async def lease(stores: Stores) -> Lease:
    _, lease = await stores.leased()
    return lease


@pytest.fixture
def blobs(stores: Stores) -> BlobStore:
    return BlobStore(stores.database, KeyRing([Key.generate()]))


async def _save(blobs: BlobStore, lease: Lease, folder: Path, text: bytes) -> None:
    profile = write_profile(folder / text.decode(), login(text))
    assert await blobs.save(lease, profile, BlobKind.HOT, {"login": text.decode()}, utc_now())


async def _save_clean(blobs: BlobStore, lease: Lease, folder: Path, text: bytes) -> None:
    profile = write_profile(folder / text.decode(), login(text))
    assert await blobs.save(lease, profile, BlobKind.CLEAN, None, utc_now())


def _local(folder: Path, lease: Lease) -> Path:
    """Write the profile of a browser that was killed under this lease."""
    profile = write_profile(folder / "profiles/p", login(b"local"))
    write_dump(profile, {"login": "local"})
    write_note(profile, ProfileNote(generation=lease.generation))
    return profile


def _beside(profile: Path) -> list[Path]:
    return list(profile.parent.iterdir())


def _source(blobs: BlobStore, lease: Lease, profile: Path) -> LoginSource:
    return LoginSource(blobs, lease, profile)


async def test_without_any_login_none_is_found(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    source = _source(blobs, lease, tmp_path / "p")
    assert await source.prepare() is None
    assert not source.found


async def test_a_profile_that_is_not_older_wins_and_is_healed(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save(blobs, lease, tmp_path, b"saved")
    profile = write_profile(tmp_path / "p", login(b"local"))
    write_dump(profile, {"login": "local"})
    write_note(profile, ProfileNote(generation=lease.generation))
    source = _source(blobs, lease, profile)
    assert await source.prepare() == {"login": "local"}
    assert source.found


async def test_a_profile_that_is_older_gives_way_to_the_blob(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save(blobs, lease, tmp_path, b"saved")
    profile = write_profile(tmp_path / "p", login(b"local"))
    write_note(profile, ProfileNote(generation=lease.generation - 1))
    assert await _source(blobs, lease, profile).prepare() == {"login": "saved"}
    assert read_note(profile) == ProfileNote(generation=lease.generation)


async def test_a_login_from_a_clean_blob_is_not_healed_by_what_an_older_one_has_left(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save_clean(blobs, lease, tmp_path, b"saved")
    profile = write_profile(tmp_path / "p", login(b"local"))
    write_dump(profile, {"login": "local"})
    write_note(profile, ProfileNote(generation=lease.generation - 1))
    assert await _source(blobs, lease, profile).prepare() is None
    # Nor later, when the browser on it was killed before it had told of its own localStorage.
    write_note(profile, ProfileNote(generation=lease.generation))
    assert await _source(blobs, lease, profile).prepare() is None


async def test_logins_that_are_refused_are_tried_once_each_from_the_newest_down(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save(blobs, lease, tmp_path, b"older")
    await _save(blobs, lease, tmp_path, b"newer")
    profile = write_profile(tmp_path / "p", login(b"local"))
    write_note(profile, ProfileNote(generation=lease.generation))
    source = _source(blobs, lease, profile)
    assert await source.prepare() is None
    for text in ("newer", "older"):
        assert await source.has_another()
        assert source.reject()
        assert await source.prepare() == {"login": text}
        # What was restored is what the disk holds now: it wins until it fails too.
        assert await source.prepare() == {"login": text}
    assert not await source.has_another()
    assert source.found
    assert source.reject()
    assert await source.prepare() is None
    assert not source.found


@pytest.mark.parametrize("crash", [False, True])
async def test_a_login_that_gave_way_is_put_back_whole(
    blobs: BlobStore, lease: Lease, tmp_path: Path, crash: bool
) -> None:
    await _save(blobs, lease, tmp_path, b"saved")
    profile = _local(tmp_path, lease)
    before = contents(profile)
    source = _source(blobs, lease, profile)
    assert await source.prepare() == {"login": "local"}
    assert await source.give_way()
    if crash:
        source = _source(blobs, lease, profile)
    else:
        assert await source.prepare() == {"login": "saved"}
        assert await source.restore_backup()
        assert not await source.has_another()
    assert await source.prepare() == {"login": "local"}
    assert contents(profile) == before
    assert _beside(profile) == [profile]


async def test_a_login_that_gave_way_comes_back_when_no_other_holds(
    stores: Stores, blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save(blobs, lease, tmp_path, b"saved")
    profile = _local(tmp_path, lease)
    source = _source(blobs, lease, profile)
    assert await source.give_way()
    assert await source.prepare() == {"login": "saved"}
    assert source.reject()
    assert await source.prepare() == {"login": "local"}
    # Nor is a key that is missing a reason to do without the login that is there.
    source = _source(BlobStore(stores.database, KeyRing([Key.generate()])), lease, profile)
    assert await source.give_way()
    assert await source.prepare() == {"login": "local"}
    assert _beside(profile) == [profile]


async def test_an_archive_that_is_revoked_gives_way_to_the_login_that_was_set_aside(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save(blobs, lease, tmp_path, b"of a link before this one")
    profile = _local(tmp_path, lease)
    source = _source(blobs, lease, profile)
    assert await source.prepare() == {"login": "local"}
    assert not source.rejects_archive(), "it is no archive"
    assert await source.give_way()
    assert await source.prepare() == {"login": "of a link before this one"}
    assert source.rejects_archive()
    assert await source.prepare() == {"login": "local"}
    assert not source.rejects_archive()


async def test_a_login_that_gave_way_goes_once_it_is_older_or_its_connection_ends(
    stores: Stores, blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save(blobs, lease, tmp_path, b"saved")
    profile = _local(tmp_path, lease)
    assert await _source(blobs, lease, profile).give_way()
    later = await stores.leases("one").acquire(lease.connection)
    assert later is not None
    await _save(blobs, later, tmp_path, b"elsewhere")
    source = _source(blobs, later, profile)
    assert await source.prepare() == {"login": "elsewhere"}
    assert _beside(profile) == [profile]
    assert await source.give_way()
    await source.forget(blobs_too=False)
    assert _beside(profile) == []


async def test_a_profile_that_was_lost_after_it_was_found_gives_way_to_the_blob(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save(blobs, lease, tmp_path, b"saved")
    profile = write_profile(tmp_path / "p", login(b"local"))
    write_note(profile, ProfileNote(generation=lease.generation))
    source = _source(blobs, lease, profile)
    assert await source.prepare() is None
    shutil.rmtree(profile)
    assert source.reject()
    assert await source.prepare() == {"login": "saved"}
    shutil.rmtree(profile)
    assert source.reject()
    assert await source.prepare() is None
    assert not source.reject()


async def test_a_logout_removes_the_profile_and_if_wanted_the_blobs(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await _save(blobs, lease, tmp_path, b"saved")
    profile = write_profile(tmp_path / "p", login(b"local"))
    source = _source(blobs, lease, profile)
    await source.forget(blobs_too=False)
    assert not profile.exists()
    assert len(await blobs.blobs_of(lease.connection)) == 1
    await source.forget(blobs_too=True)
    assert await blobs.blobs_of(lease.connection) == []


async def test_a_login_that_was_given_up_elsewhere_is_not_used(
    blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    profile = write_profile(tmp_path / "p", login(b"local"))
    write_note(profile, ProfileNote(generation=3))
    for forgotten, found in ((2, True), (3, False)):
        source = LoginSource(blobs, lease, profile, forgotten)
        await source.prepare()
        assert source.found is found
    assert not profile.exists()

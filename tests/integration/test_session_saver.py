"""A login is saved while it lives, whatever the disk, the page and MongoDB do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from chatgrow_worker.browser.aside import set_aside
from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.connections.session_saver import SessionSaver
from chatgrow_worker.metrics import WorkerMetrics
from sessions.blobs import BlobStore
from sessions.clock import utc_now
from sessions.leases import Lease
from sessions.metrics import ProcessMetrics
from tests.blob_profiles import login, write_profile
from tests.blob_saver import KEYS
from tests.builders import Stores
from tests.integration.ready_pages import ReadyBrowser


@pytest.fixture
async def lease(stores: Stores) -> Lease:
    _, lease = await stores.leased()
    return lease


@pytest.fixture
def blobs(stores: Stores) -> BlobStore:
    return BlobStore(stores.database, KEYS)


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return ReadyBrowser(profile=write_profile(tmp_path / "profiles/p", login()))


@pytest.fixture
def saver(browser: Browser, blobs: BlobStore, lease: Lease) -> SessionSaver:
    metrics = WorkerMetrics(ProcessMetrics())
    at_once, every = timedelta(0), timedelta(minutes=15)
    return SessionSaver(browser, blobs, lease, utc_now, at_once, every, metrics)


async def test_a_login_that_works_is_saved_and_the_one_that_gave_way_goes(
    saver: SessionSaver, browser: Browser, blobs: BlobStore, lease: Lease
) -> None:
    set_aside(browser.profile)
    write_profile(browser.profile, login(b"other"))
    await saver.save_when_due()
    assert list(browser.profile.parent.iterdir()) == [browser.profile]
    await saver.end()
    assert len(await blobs.blobs_of(lease.connection)) == 1

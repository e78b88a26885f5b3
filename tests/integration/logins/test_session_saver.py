"""A login is saved while it lives, whatever the disk, the page and MongoDB do."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from chatgrow_worker.browser.browser import Browser
from chatgrow_worker.browser.profile_backup import back_up
from chatgrow_worker.browser.profile_notes import read_dump
from chatgrow_worker.login.saver import LoginSaver
from chatgrow_worker.monitoring.metrics import WorkerMetrics
from sessions.blobs import BlobKind, BlobStore
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.connections.states import Reason
from sessions.metrics import ProcessMetrics
from tests.blob_profiles import login, write_profile
from tests.blob_saver import KEYS
from tests.builders import Stores
from tests.integration.ready_pages import READY, ReadyBrowser, ReadyPage
from tests.refusing import refusing
from tests.scraping import scrape

if TYPE_CHECKING:
    from chatgrow_worker.page.snapshot import Snapshot
    from chatgrow_worker.page.whatsapp_page import WhatsAppPage
    from sessions.storage.mongo import Database

_EVERY = timedelta(minutes=15)


@pytest.fixture
async def lease(stores: Stores) -> Lease:
    _, lease = await stores.leased()
    return lease


@pytest.fixture
def blobs(stores: Stores) -> BlobStore:
    return BlobStore(stores.database, KEYS)


@pytest.fixture
def page() -> ReadyPage:
    return ReadyPage()


@pytest.fixture
def browser(tmp_path: Path, page: ReadyPage) -> Browser:
    profile = write_profile(tmp_path / "profiles/p", login())
    return ReadyBrowser(page=cast("WhatsAppPage", page), profile=profile)


@pytest.fixture
def metrics() -> ProcessMetrics:
    return ProcessMetrics()


@pytest.fixture
def saver(browser: Browser, blobs: BlobStore, lease: Lease, metrics: ProcessMetrics) -> LoginSaver:
    return _saver(browser, blobs, lease, metrics)


def _saver(browser: Browser, blobs: BlobStore, lease: Lease, metrics: ProcessMetrics) -> LoginSaver:
    return LoginSaver(browser, blobs, lease, utc_now, timedelta(0), _EVERY, WorkerMetrics(metrics))


def _failures(metrics: ProcessMetrics) -> float | None:
    return scrape(metrics).value("chatgrow_session_saves_total", result="failed")


async def test_a_login_that_works_is_saved_and_the_one_that_gave_way_goes(
    saver: LoginSaver, browser: Browser, blobs: BlobStore, lease: Lease
) -> None:
    back_up(browser.profile)
    write_profile(browser.profile, login(b"other"))
    await saver.save_when_due()
    assert list(browser.profile.parent.iterdir()) == [browser.profile]
    await saver.end()
    assert len(await blobs.blobs_of(lease.connection)) == 1


async def test_what_a_closed_browser_may_not_have_written_is_saved_with_it(
    saver: LoginSaver, browser: Browser, blobs: BlobStore, lease: Lease, tmp_path: Path
) -> None:
    await saver.keep_dump({"login": "seen before"})
    assert await saver.leave()
    browser.closed_in_order = True
    await saver.save_clean()
    [blob] = await blobs.blobs_of(lease.connection)
    assert blob.kind is BlobKind.CLEAN
    restored = await blobs.restore(lease.connection, blob, tmp_path / "elsewhere")
    assert restored == read_dump(browser.profile) == {"login": "left"}


async def test_a_page_that_does_not_answer_leaves_what_was_seen_before(
    saver: LoginSaver, page: ReadyPage, browser: Browser, blobs: BlobStore, lease: Lease
) -> None:
    await saver.keep_dump({"login": "seen before"})
    page.broken = Reason.PAGE_UNRESPONSIVE
    assert await saver.leave()
    browser.closed_in_order = True
    await saver.save_clean()
    assert len(await blobs.blobs_of(lease.connection)) == 1
    assert read_dump(browser.profile) == {"login": "seen before"}


@pytest.mark.parametrize("shows", [None, READY.model_copy(update={"mode": "QR"})])
async def test_a_page_that_is_logged_out_as_it_is_left_is_not_kept(
    saver: LoginSaver, page: ReadyPage, browser: Browser, shows: Snapshot | None
) -> None:
    await saver.keep_dump({"login": "seen before"})
    page.shows = shows
    assert not await saver.leave()
    assert read_dump(browser.profile) == {"login": "seen before"}


async def test_a_save_that_mongodb_refuses_is_counted_and_tried_again_soon(
    saver: LoginSaver, browser: Browser, database: Database, metrics: ProcessMetrics
) -> None:
    async with refusing(database, "sessionBlobs.chunks"):
        await saver.save_when_due()
        await saver.end()
        assert _failures(metrics) == 1
        assert saver.due is not None
        assert saver.due < time.monotonic() + _EVERY.total_seconds() / 2
        browser.closed_in_order = True
        await saver.save_clean()
        assert _failures(metrics) == 2


async def test_a_save_that_the_disk_refuses_is_counted_and_tried_again_soon(
    blobs: BlobStore, lease: Lease, metrics: ProcessMetrics, tmp_path: Path
) -> None:
    page = cast("WhatsAppPage", ReadyPage())
    saver = _saver(Browser(page, tmp_path / "removed/p"), blobs, lease, metrics)
    await saver.save_when_due()
    await saver.end()
    assert _failures(metrics) == 1
    assert saver.due is not None
    assert saver.due < time.monotonic() + _EVERY.total_seconds() / 2

"""What one connection does around a page that works: its lease, its disk, its end."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from pymongo.errors import AutoReconnect

from chatgrow_worker.browser.profile_notes import read_dump
from chatgrow_worker.page.login_end import EndSign
from chatgrow_worker.page.snapshot import Ban
from chatgrow_worker.settings import WorkerSettings
from sessions.blobs import BlobKind
from sessions.common.clock import utc_now
from sessions.common.disk_space import DiskState
from sessions.connections.model import Connection, Held
from sessions.connections.states import ConnectionState, Reason
from sessions.messages.model import MessageStatus
from tests.builders import LONG, OWNER, Stores
from tests.conftest import PATIENCE
from tests.integration.pageless import PagelessWorker
from tests.integration.ready_pages import READY, ReadyPage, ReadyPages
from tests.waiting import until

Worker = PagelessWorker[ReadyPages]

_QR = READY.model_copy(update={"epoch": "2", "mode": "QR", "authenticated": False})
_UNLINKED = _QR.model_copy(update={"signs": (EndSign.WIPED,)})

_OFFLINE = READY.model_copy(update={"online": False})

_WITHOUT_LINE = READY.model_copy(update={"stream": "DISCONNECTED"})


async def _connected(worker: Worker) -> Connection:
    """Store a connection, and have it up here."""
    connection = await worker.stores.connection()
    assert await worker.pool.take(connection.id)
    await _until_connected(worker, connection)
    return connection


async def _until_connected(worker: Worker, connection: Connection) -> None:
    async def connected() -> bool:
        found = await worker.stores.connections.get(connection.id)
        return found.state is ConnectionState.CONNECTED

    await until(connected)


async def _until_saved(worker: Worker, connection: Connection) -> None:
    async def saved() -> bool:
        return bool(await worker.parts.blobs.blobs_of(connection.id))

    await until(saved)


async def test_a_page_that_is_cut_off_does_not_stay_open_for_a_save_that_waits(
    ready_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, mongo_answers = asyncio.Event(), asyncio.Event()

    async def save(*_: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await mongo_answers.wait()

    monkeypatch.setattr(ready_worker.parts.blobs, "save", save)
    connection = await _connected(ready_worker)
    await begun.wait()
    cutting = asyncio.create_task(ready_worker.pool.close(timedelta(0), at_once=1))
    try:
        await until(lambda: ready_worker.pages.open_now == 0)
        assert ready_worker.pool.runs(connection.id), "nothing of the save is left behind"
    finally:
        mongo_answers.set()
        await cutting
    assert not ready_worker.pool.runs(connection.id)


async def test_a_connection_that_ends_before_its_turn_to_start_opens_no_page(
    ready_worker: Worker,
) -> None:
    never = asyncio.Event()
    for _ in range(WorkerSettings.model_fields["start_concurrency"].default):
        await ready_worker.parts.start_slots.take(never)
    connection = await ready_worker.stores.connection()
    assert await ready_worker.pool.take(connection.id)
    async with asyncio.timeout(PATIENCE.total_seconds()):
        await ready_worker.pool.close(LONG, at_once=1)
    assert ready_worker.pages.browsers == []


async def test_pages_that_did_not_load_are_not_in_a_row_when_one_worked_between(
    ready_worker: Worker,
) -> None:
    connection = await _connected(ready_worker)
    await _until_saved(ready_worker, connection)
    for _ in range(4):
        await ready_worker.pages.look(_OFFLINE)
        ready_worker.pages.break_page(Reason.PAGE_LOADING)
        await _until_connected(ready_worker, connection)
    names = {each.profile.name for each in ready_worker.pages.browsers}
    assert names == {connection.id}, "no page was tried on an empty profile"


async def test_a_disk_that_takes_no_dump_ends_no_page(ready_worker: Worker) -> None:
    connection = await _connected(ready_worker)
    profile = ready_worker.pages.profile(connection.id)
    await _until_saved(ready_worker, connection)
    with _unwritable(profile, "local_storage.draft"):
        for _ in range(2):
            await ready_worker.pages.look()
        assert ready_worker.pool.runs(connection.id)
        before = read_dump(profile)
    await ready_worker.pages.look(news=False)
    await until(lambda: read_dump(profile) != before)
    assert len(ready_worker.pages.browsers) == 1


async def test_a_disk_that_takes_no_note_does_not_keep_a_login_from_being_saved(
    ready_worker: Worker,
) -> None:
    connection = await _connected(ready_worker)
    await _until_saved(ready_worker, connection)
    with _unwritable(ready_worker.pages.profile(connection.id), "session.draft"):
        await ready_worker.pool.close(LONG, at_once=1)
    [newest, *_] = await ready_worker.parts.blobs.blobs_of(connection.id)
    assert newest.kind is BlobKind.CLEAN
    assert (await ready_worker.stores.connections.get(connection.id)).lease is None


async def test_an_unlinked_phone_is_told_although_mongodb_is_away_for_a_moment(
    ready_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await _connected(ready_worker)
    _when_it_rests(ready_worker, monkeypatch, _away)
    await ready_worker.pages.look(_UNLINKED)
    await until(lambda: not ready_worker.pool.runs(connection.id))
    found = await ready_worker.stores.connections.get(connection.id)
    assert (found.state, found.reason) == (ConnectionState.LOGGED_OUT, Reason.UNLINKED)
    assert found.desired == "stopped"
    assert found.forgotten_generation == found.generation, "on no other disk it is used either"
    assert not ready_worker.pages.profile(connection.id).exists()


async def test_a_start_that_comes_after_a_logout_counts(
    ready_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await _connected(ready_worker)

    async def start(move: Callable[[], Awaitable[None]]) -> None:
        await move()
        await ready_worker.stores.connections.want(connection, "running")

    _when_it_rests(ready_worker, monkeypatch, start)
    await ready_worker.pages.look(_UNLINKED)
    await until(lambda: not ready_worker.pool.runs(connection.id))
    found = await ready_worker.stores.connections.get(connection.id)
    assert (found.state, found.desired) == (ConnectionState.STARTING, "running")


@pytest.mark.parametrize(
    ("signs", "reason", "blobs"),
    [
        ((EndSign.STARTING_LOGOUT, EndSign.LOGGED_OUT, EndSign.WIPED), Reason.UNLINKED, 0),
        ((EndSign.WIPING, EndSign.WIPED), Reason.UNLINKED, 0),
        ((EndSign.WIPE_FAILED, EndSign.WIPED), Reason.UNLINKED, 0),
        ((EndSign.LOGGED_OUT, EndSign.ACCOUNT_LOCKED, EndSign.WIPED), Reason.ACCOUNT_LOCKED, 0),
    ],
)
async def test_a_revoked_login_is_forgotten_in_all_places_and_never_tried_again(
    ready_worker: Worker, signs: tuple[EndSign, ...], reason: Reason, blobs: int
) -> None:
    connection = await _connected(ready_worker)
    await _until_saved(ready_worker, connection)
    page = cast("ReadyPage", ready_worker.pages.browsers[-1].page)
    page.told = list(signs)
    await ready_worker.pages.look(_QR)
    await until(lambda: not ready_worker.pool.runs(connection.id))
    found = await ready_worker.stores.connections.get(connection.id)
    assert (found.state, found.reason) == (ConnectionState.LOGGED_OUT, reason)
    assert found.forgotten_generation == found.generation
    assert len(await ready_worker.parts.blobs.blobs_of(connection.id)) == blobs
    assert not ready_worker.pages.profile(connection.id).exists()
    assert len(ready_worker.pages.browsers) == 1


@pytest.mark.parametrize(
    "signs",
    [
        (),
        (EndSign.STARTING_LOGOUT, EndSign.LOGGED_OUT, EndSign.WIPED, EndSign.CLIENT_FATAL),
        (EndSign.OWN_LOGOUT, EndSign.WIPING, EndSign.WIPED),
    ],
)
async def test_a_login_that_is_lost_gives_way_to_the_one_that_is_saved(
    ready_worker: Worker, signs: tuple[EndSign, ...]
) -> None:
    connection = await _connected(ready_worker)
    await _until_saved(ready_worker, connection)
    page = cast("ReadyPage", ready_worker.pages.browsers[-1].page)
    page.told = list(signs)
    await ready_worker.pages.look(_QR)
    await until(lambda: len(ready_worker.pages.browsers) == 2)
    await _until_connected(ready_worker, connection)
    assert len(await ready_worker.parts.blobs.blobs_of(connection.id)) > 0


async def test_a_wipe_that_does_not_end_leaves_the_saved_login_to_be_tried(
    ready_worker: Worker,
) -> None:
    """The page tells only afterwards whether the login was revoked or merely lost."""
    connection = await _connected(ready_worker)
    await _until_saved(ready_worker, connection)
    signs = (EndSign.STARTING_LOGOUT, EndSign.WIPING)
    page = cast("ReadyPage", ready_worker.pages.browsers[-1].page)
    page.shows = READY.model_copy(update={"leaving": True, "signs": signs})
    page.bell.set()
    await until(lambda: len(ready_worker.pages.browsers) > 1)
    await _until_connected(ready_worker, connection)
    assert await ready_worker.parts.blobs.blobs_of(connection.id)
    # That one is refused, and the page that wipes it comes to the end: now it is certain.
    await ready_worker.pages.look(_UNLINKED)
    found = await ready_worker.ended(connection)
    assert (found.state, found.reason) == (ConnectionState.LOGGED_OUT, Reason.UNLINKED)
    assert not await ready_worker.parts.blobs.blobs_of(connection.id)


async def test_what_a_page_told_before_its_browser_died_is_known_to_the_next(
    ready_worker: Worker,
) -> None:
    connection = await _connected(ready_worker)
    await _until_saved(ready_worker, connection)
    page = cast("ReadyPage", ready_worker.pages.browsers[-1].page)
    page.told = [EndSign.WIPED]
    ready_worker.pages.shows = _QR
    ready_worker.pages.break_page(Reason.PAGE_CRASHED)
    await until(lambda: not ready_worker.pool.runs(connection.id))
    found = await ready_worker.stores.connections.get(connection.id)
    assert (found.state, found.reason) == (ConnectionState.LOGGED_OUT, Reason.UNLINKED)


async def test_a_browser_that_dies_in_a_wipe_leaves_the_saved_login_to_be_tried(
    ready_worker: Worker,
) -> None:
    """The page wipes in the same way when the phone unlinks it and for a fault of its own."""
    connection = await _connected(ready_worker)
    await _until_saved(ready_worker, connection)
    page = cast("ReadyPage", ready_worker.pages.browsers[-1].page)
    page.told = [EndSign.STARTING_LOGOUT, EndSign.WIPING]
    ready_worker.pages.shows = _QR.model_copy(update={"signs": (EndSign.WIPE_FAILED,)})
    ready_worker.pages.break_page(Reason.PAGE_CRASHED)
    await until(lambda: len(ready_worker.pages.browsers) == 2)
    ready_worker.pages.shows = READY
    await until(lambda: len(ready_worker.pages.browsers) == 3)
    await _until_connected(ready_worker, connection)
    assert await ready_worker.parts.blobs.blobs_of(connection.id)


async def test_a_sign_of_an_earlier_load_is_forgotten_once_the_login_works(
    ready_worker: Worker,
) -> None:
    connection = await _connected(ready_worker)
    await _until_saved(ready_worker, connection)
    page = cast("ReadyPage", ready_worker.pages.browsers[-1].page)
    page.told = [EndSign.WIPED]
    await ready_worker.pages.look(READY)
    page.told = []
    await ready_worker.pages.look(_QR)
    await until(lambda: len(ready_worker.pages.browsers) == 2)
    await _until_connected(ready_worker, connection)


async def test_a_ban_is_told_with_its_end_and_pauses_the_connection(ready_worker: Worker) -> None:
    connection = await _connected(ready_worker)
    until_then = ready_worker.parts.now() + timedelta(minutes=10)
    ban = Ban(code=101, until=until_then.timestamp() * 1000)
    again = Ban(code=101, until=until_then.timestamp() * 1000 + 900)
    for each in (ban, again):  # told at each try to log in, and rounded
        await ready_worker.pages.look(READY.model_copy(update={"ban": each}))
    found = await ready_worker.stores.connections.get(connection.id)
    assert (found.state, found.reason) == (
        ConnectionState.DISCONNECTED,
        Reason.TEMPORARILY_BANNED,
    )
    assert found.until is not None
    assert abs(found.until - until_then) < timedelta(milliseconds=2)
    _, paused = await ready_worker.stores.connections.pace_of(connection.id)
    assert paused is not None
    assert (paused.until, paused.reason) == (found.until, "temporarily_banned")
    await ready_worker.pages.look(READY)
    found = await ready_worker.stores.connections.get(connection.id)
    assert (found.state, found.until) == (ConnectionState.CONNECTED, None)


async def test_a_ban_that_is_shortened_or_lifted_pauses_no_longer(ready_worker: Worker) -> None:
    connection = await _connected(ready_worker)

    async def paused() -> Held | None:
        return (await ready_worker.stores.connections.pace_of(connection.id))[1]

    for minutes in (60, 10):
        end = ready_worker.parts.now() + timedelta(minutes=minutes)
        await ready_worker.pages.look(READY.model_copy(update={"ban": _ban(end)}))
        pause = await paused()
        assert pause is not None
        assert abs(pause.until - end) < timedelta(milliseconds=2)
    await ready_worker.pages.look(READY)  # WhatsApp takes the login again
    assert await paused() is None


async def test_a_pause_for_something_else_than_a_ban_outlasts_a_login(
    ready_worker: Worker,
) -> None:
    connection = await ready_worker.stores.connection()
    lease = await ready_worker.stores.leases("before").acquire(connection.id)
    assert lease is not None
    store = ready_worker.stores.connections
    await store.pause(lease, utc_now() + LONG, "timelock")
    await ready_worker.stores.leases("before").release(lease, Reason.WAITING_FOR_WORKER)
    assert await ready_worker.pool.take(connection.id)
    await _until_connected(ready_worker, connection)
    await ready_worker.pages.look(READY)
    assert (await store.pace_of(connection.id))[1] is not None


async def test_a_worker_that_goes_on_during_a_ban_keeps_the_pause(ready_worker: Worker) -> None:
    """As after the death of the one that was told: its lease has run out."""
    connection, lease = await ready_worker.stores.leased("one", timedelta(milliseconds=50))
    store, end = ready_worker.stores.connections, utc_now() + LONG
    await store.pause(lease, end, Reason.TEMPORARILY_BANNED)
    message = await ready_worker.stores.message(connection)
    # The new page is refused in the same way: it does not come up, and has not been told yet.
    ready_worker.pages.shows = READY.model_copy(update={"mode": "SYNCING"})
    await until(partial(ready_worker.pool.take, connection.id))
    await until(lambda: ready_worker.pages.open_now == 1)
    for shown in (ready_worker.pages.shows, READY.model_copy(update={"ban": _ban(end)})):
        await ready_worker.pages.look(shown)
        pause = (await store.pace_of(connection.id))[1]
        assert pause is not None
        assert abs(pause.until - end) < timedelta(milliseconds=2)
        waiting = await ready_worker.stores.outbox.find(OWNER, message.id)
        assert waiting.status is MessageStatus.QUEUED


def _ban(end: datetime) -> Ban:
    return Ban(code=101, until=end.timestamp() * 1000)


async def test_a_pause_is_not_of_a_number_that_is_linked_later(stores: Stores) -> None:
    connection, lease = await stores.leased()
    end = utc_now() + timedelta(days=7)

    async def pause_when_linked(number: str, until_then: datetime | None) -> Held | None:
        here, there = ConnectionState.STARTING, ConnectionState.CONNECTED
        await stores.connections.move(lease, here, there, None, number)
        if until_then is not None:
            await stores.connections.pause(lease, until_then, "temporarily_banned")
        return (await stores.connections.pace_of(connection.id))[1]

    assert await pause_when_linked("+972501111111", end) is not None
    assert await pause_when_linked("+972501111111", None) is not None
    assert await pause_when_linked("+972502222222", None) is None
    assert await pause_when_linked("+972502222222", None) is None


@pytest.mark.parametrize("shows", [{"mode": "SYNCING"}, {"info": "OPENING"}])
async def test_a_page_that_loads_itself_anew_again_and_again_is_too_old_whatever_it_shows_between(
    ready_worker: Worker, shows: dict[str, str]
) -> None:
    connection = await _connected(ready_worker)
    page = cast("ReadyPage", ready_worker.pages.browsers[-1].page)
    page.restarts = 3
    await ready_worker.pages.look(READY.model_copy(update=shows))
    found = await ready_worker.stores.connections.get(connection.id)
    assert (found.state, found.reason) == (ConnectionState.DISCONNECTED, Reason.UPDATE_NEEDED)
    await ready_worker.pages.look(READY)
    assert page.restarts == 0


async def _away(_move: Callable[[], Awaitable[None]]) -> None:
    raise AutoReconnect


def _when_it_rests(
    worker: Worker,
    patch: pytest.MonkeyPatch,
    then: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
) -> None:
    """Do this in place of the first move to where a connection stays."""
    store = worker.parts.connections
    move, left = store.move, [then]

    async def moved(*arguments: Any, **options: Any) -> None:
        go = partial(move, *arguments, **options)
        rests = ConnectionState.LOGGED_OUT in arguments
        await (left.pop()(go) if rests and left else go())

    patch.setattr(store, "move", moved)


@contextmanager
def _unwritable(profile: Path, name: str) -> Iterator[None]:
    """Let a file not be written: a disk that is full or broken raises the same kind of error."""
    (profile / name).mkdir()
    try:
        yield
    finally:
        (profile / name).rmdir()


async def test_a_line_that_comes_back_at_once_was_never_lost(ready_worker: Worker) -> None:
    connection = await _connected(ready_worker)
    since = (await ready_worker.stores.connections.get(connection.id)).since
    await ready_worker.pages.look(_WITHOUT_LINE)
    await ready_worker.pages.look(READY)
    found = await ready_worker.stores.connections.get(connection.id)
    assert (found.state, found.reason, found.since) == (ConnectionState.CONNECTED, None, since)


async def test_without_a_line_no_message_is_claimed(ready_worker: Worker) -> None:
    connection = await _connected(ready_worker)
    await ready_worker.pages.look(_WITHOUT_LINE)
    message = await ready_worker.stores.message(connection)
    await ready_worker.pages.look(_WITHOUT_LINE)
    assert (await ready_worker.stores.outbox.find(OWNER, message.id)).attempts == 0


async def test_a_disk_that_gets_full_ends_the_page_until_there_is_room(
    ready_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await _connected(ready_worker)
    room = shutil.disk_usage(ready_worker.pages.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room._replace(free=1))
    ready_worker.pool.look_all()

    async def is_told() -> bool:
        found = await ready_worker.stores.connections.get(connection.id)
        return (found.state, found.reason) == (ConnectionState.DISCONNECTED, Reason.DISK_FULL)

    await until(is_told)
    monkeypatch.undo()
    await _until_connected(ready_worker, connection)


async def test_a_heartbeat_tells_of_the_disk(
    ready_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = shutil.disk_usage(ready_worker.pages.root.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room._replace(free=1))
    await ready_worker.pool.beat()
    assert await ready_worker.parts.registry.disks() == [DiskState.FULL]

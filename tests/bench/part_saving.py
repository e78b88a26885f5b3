"""Saving one session: ours and theirs, on the same login, whose browser is idle meanwhile."""

from __future__ import annotations

import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sessions.blobs import BlobKind, BlobStore
from sessions.common.clock import utc_now
from sessions.encryption.keys import Key, KeyRing
from sessions.storage.mongo import open_database
from tests.bench.big_login import Writer, copy_login, size_of, write_ballast, writing
from tests.bench.figures import Figure, Goal
from tests.bench.lab import OURS, THEIRS, Lab
from tests.bench.report import Report
from tests.bench.sizes import Sizes
from tests.bench.theirs import Saver
from tests.builders import Stores

_KEYS = KeyRing([Key("bench", b"b" * 32)])
_PATIENCE = timedelta(seconds=10)
_WRITTEN_AT_MOST_MB = 30
_WRITTEN_BETWEEN_SAVES_MB = 0.4
"""One transaction of 500 rows. The default pace lets 60 messages go between two saves, as many may
come in, and each row is written anew by up to three acks."""
_ROOM_TO_GROW_MB = 25
"""What is live takes more and less until LevelDB has merged it; too large a login is not saved."""
_MB = 1_000_000

Save = Callable[[], Awaitable[int]]
"""Saves the login once more; returns the bytes that this has stored."""


@dataclass(frozen=True)
class Login:
    """A login that a browser goes on using: what it has written, and tables that only lie there."""

    live: Path
    browser: Writer
    ballast: Path
    whole: Path

    async def live_on(self) -> None:
        """Let the browser write about as much as comes in between two saves."""
        await self.browser.write(_WRITTEN_BETWEEN_SAVES_MB)
        self.put_together()

    def put_together(self) -> None:
        """Make the profile that is saved."""
        with self.browser.frozen():
            copy_login(self.live, self.whole)
        if self.ballast.exists():
            shutil.copytree(self.ballast, self.whole, dirs_exist_ok=True)


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Save logins of each size in turn, and again after a browser has gone on with them."""
    live = lab.folder / "live"
    async with writing(live) as browser:
        await browser.write(min(sizes.login_mb[0], _WRITTEN_AT_MOST_MB))
    # Another start: LevelDB has merged what came all at once, as in a login that is days old.
    async with writing(live) as browser:
        for wanted in sizes.login_mb:
            ballast, whole = lab.folder / f"ballast-{wanted}", lab.folder / f"login-{wanted}"
            login = Login(live, browser, ballast, whole)
            with browser.frozen():
                write_ballast(live, wanted - _ROOM_TO_GROW_MB, ballast)
            login.put_together()
            report.step(f"a login of {size_of(whole) / _MB:.0f} MB is there")
            await _compare(lab, report, login, sizes, wanted)
            shutil.rmtree(whole)


async def _compare(lab: Lab, report: Report, login: Login, sizes: Sizes, wanted: int) -> None:
    first, later = _figures(report, wanted)
    async with (
        open_database(lab.mongo(f"saving-{wanted}"), _PATIENCE) as database,
        Saver.running(lab, f"s-{wanted}") as peer,
    ):
        stores = Stores(database)
        await stores.prepare()
        _, lease = await stores.leased()
        blobs = BlobStore(database, _KEYS)
        copy = lab.folder / "copy"

        async def save_ours() -> int:
            copy_login(login.whole, copy)
            saved = await blobs.save(lease, copy, BlobKind.HOT, {"WANoiseInfo": "x"}, utc_now())
            shutil.rmtree(copy)
            assert saved is not None
            return saved.added

        saves: tuple[tuple[str, Save], ...] = ((OURS, save_ours), (THEIRS, peer.save))
        for round_ in range(1 + sizes.rounds):
            if round_:
                await login.live_on()
            copy_login(login.whole, peer.profile)
            for side, save in saves:
                began = time.monotonic()
                size = await save()
                took, stored = later if round_ else first
                report.add(took, side, time.monotonic() - began)
                report.add(stored, side, size / _MB)


def _figures(report: Report, wanted: int) -> tuple[tuple[Figure, Figure], tuple[Figure, Figure]]:
    """Return the figures of the first save of a login and of later ones: the time, the bytes."""
    took = "from the running profile's files to the store"
    stored = "what one save adds to the store"
    since = "the login has been saved before, and its browser has written since"
    first = (
        report.figure(f"first save of a session of {wanted} MB", "s", took),
        report.figure(f"bytes stored by the first save of a session of {wanted} MB", "MB", stored),
    )
    later = (
        report.figure(f"saving a session of {wanted} MB", "s", f"{took}; {since}", Goal(0.5)),
        report.figure(
            f"bytes stored for a session of {wanted} MB", "MB", f"{stored}; {since}", Goal(0.5)
        ),
    )
    return first, later

"""Saving one session: ours and theirs, on the same login, without a browser that would disturb."""

from __future__ import annotations

import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from sessions.blobs import BlobKind, BlobStore, KeyRing
from sessions.blobs.keys import Key
from sessions.clock import utc_now
from sessions.mongo import open_database
from tests.bench.big_login import copy_login, enlarge, size_of, touch_login, write_login
from tests.bench.figures import Goal
from tests.bench.lab import OURS, THEIRS, Lab
from tests.bench.report import Report
from tests.bench.sizes import Sizes
from tests.bench.theirs import Saver
from tests.builders import Stores

_KEYS = KeyRing([Key("bench", b"b" * 32)])
_PATIENCE = timedelta(seconds=10)
_WRITTEN_AT_MOST_MB = 30
_MB = 1_000_000

Save = Callable[[], Awaitable[int]]
"""Saves the login once more; returns the bytes that this has stored."""


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Save logins of each size in turn; each time the login has changed a little."""
    login = lab.folder / "login"
    await write_login(login, min(sizes.login_mb[0], _WRITTEN_AT_MOST_MB))
    for wanted in sizes.login_mb:
        enlarge(login, wanted)
        report.step(f"a login of {size_of(login) / _MB:.0f} MB is there")
        await _compare(lab, report, login, sizes, wanted)


async def _compare(lab: Lab, report: Report, login: Path, sizes: Sizes, wanted: int) -> None:
    took = report.figure(
        f"saving a session of {wanted} MB",
        "s",
        "from the running profile's files to the store; the login has changed since it was saved",
        Goal(0.5),
    )
    stored = report.figure(
        f"bytes stored for a session of {wanted} MB",
        "MB",
        "what one save adds to the store",
        Goal(0.5),
    )
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
            copy_login(login, copy)
            blob = await blobs.save(lease, copy, BlobKind.HOT, {"WANoiseInfo": "x"}, utc_now())
            shutil.rmtree(copy)
            assert blob is not None
            return blob.size

        saves: tuple[tuple[str, Save], ...] = ((OURS, save_ours), (THEIRS, peer.save))
        for round_ in range(sizes.rounds):
            touch_login(login, f"round {round_}")
            copy_login(login, peer.profile)
            for side, save in saves:
                began = time.monotonic()
                size = await save()
                report.add(took, side, time.monotonic() - began)
                report.add(stored, side, size / _MB)

"""Many saves at a time leave room for what else is asked of MongoDB."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sessions.blobs import BlobKind, BlobStore
from sessions.common.clock import utc_now
from sessions.connections.leases import Renewal
from sessions.storage.mongo import open_database
from tests.blob_profiles import login, tables, write_profile
from tests.blob_saver import KEYS
from tests.builders import Stores
from tests.conftest import PATIENCE
from tests.gate import gate_before
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.embedded import ServerUris

_SAVES = 12
_BEFORE_THE_DRIVER_GIVES_UP = timedelta(seconds=5)


async def test_a_lease_is_renewed_while_saves_stand_still(
    stores: Stores, servers: ServerUris, tmp_path: Path
) -> None:
    store = stores.leases()
    leases = [await store.acquire((await stores.connection(f"c{n}")).id) for n in range(_SAVES)]
    assert leases[0] is not None
    profile = write_profile(
        tmp_path, login(ballast=os.urandom(500_000)) | tables(os.urandom(500_000) for _ in range(5))
    )
    chunks = stores.database["sessionBlobs.chunks"]

    async def begun() -> bool:
        return await chunks.count_documents({}) > 0

    with gate_before(servers.mongo) as gate:
        uri = f"mongodb://127.0.0.1:{gate.port}/tests"
        async with open_database(uri, PATIENCE) as slow:
            blobs = BlobStore(slow, KEYS)
            saves = [
                asyncio.create_task(blobs.save(lease, profile, BlobKind.HOT, {}, utc_now()))
                for lease in leases
                if lease is not None
            ]
            await until(begun)
            gate.shut()
            await until(lambda: gate.holds)
            renewal = asyncio.create_task(store.renew(leases[0]))
            try:
                await until(renewal.done, within=_BEFORE_THE_DRIVER_GIVES_UP)
            finally:
                gate.open()
                saved = await asyncio.gather(*saves)
    assert renewal.result() is Renewal.KEPT
    assert None not in saved

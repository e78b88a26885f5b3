"""Arq jobs that were refused: an administrator sees them, and nobody else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from playwright.async_api import Browser, expect

from sessions.common.clock import utc_now
from sessions.queue.doorbell import SHARED_QUEUE, Job
from sessions.queue.intake_failures import IntakeFailures
from tests.integration.pages.dashboard import dashboard, is_in_order

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client
    from tests.integration.world import World

PATH = "/api/whatsapp/intake-failures"


async def _record(database: Database, *jobs: str) -> None:
    failures = IntakeFailures(database, utc_now)
    for job in jobs:
        await failures.record(job, f"to: what is wrong with {job}")


async def test_refused_jobs_are_listed_newest_first_page_by_page(
    client: Client, database: Database
) -> None:
    await _record(database, "order-1", "order-2", "order-3", "order-1")
    first = await (await client.get(f"{PATH}?limit=2")).json()
    second = await (await client.get(f"{PATH}?limit=2&cursor={first['cursor']}")).json()
    assert "cursor" not in second
    items = [*first["items"], *second["items"]]
    assert [each["job"] for each in items] == ["order-1", "order-3", "order-2"]
    assert items[0]["reason"] == "to: what is wrong with order-1"
    assert all(later["failedAt"] >= sooner["failedAt"] for later, sooner in pairwise(items))


async def test_only_administrators_see_them(world: World, database: Database) -> None:
    await _record(database, "order-1")
    for person, status in ((world.dana, 403), (world.admin, 200)):
        async with world.client.get(PATH, headers=person.headers) as answer:
            assert answer.status == status


async def test_jobs_that_no_worker_has_taken_are_counted_in_the_status(
    client: Client, redis: ArqRedis
) -> None:
    await client.post("/api/whatsapp/connections", json={"connectionId": "main"})
    status = "/api/whatsapp/connections/main/status"
    assert (await (await client.get(status)).json())["queue"] == {"queued": 0}
    body = {"connectionId": "main", "to": "+972501234567", "message": "x"}
    given = ((body,), (body | {"connectionId": "other"},), (body, "somebody"), (), ("no body",))
    for number, arguments in enumerate(given):
        await redis.enqueue_job(
            Job.SEND_MESSAGE, *arguments, _queue_name=SHARED_QUEUE, _job_id=f"order-{number}"
        )
    await redis.enqueue_job(Job.START_CONNECTION, "x", _queue_name=SHARED_QUEUE)
    assert (await (await client.get(status)).json())["queue"] == {"queued": 0, "jobs": 1}


async def test_the_dashboard_shows_them_while_there_are_any(
    client: Client, person: Browser, database: Database
) -> None:
    async with dashboard(client, person, view="/health") as seen:
        await expect(seen.page.locator("[data-warnings-part]")).to_be_visible()
        part = seen.page.locator("[data-intake-part]")
        await expect(part).to_be_hidden()
        await _record(database, "order-1")
        await seen.page.reload()
        await expect(part).to_contain_text("what is wrong with order-1")
        await is_in_order(seen)

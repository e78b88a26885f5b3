"""The numbers that a worker shows are those of what its parts did, and the docs name them all."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

import aiohttp
import pytest
from pydantic import SecretStr

from chatgrow_worker.monitoring.gauges import PoolCollector
from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.monitoring.server import serving_metrics
from chatgrow_worker.sending.acks import AckRecorder
from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.webhooks.metrics import WebhookMetrics
from sessions.connections.states import Reason
from sessions.messages.model import Ack, Message, MessageStatus
from sessions.metrics import ConnectionLabels, ProcessMetrics
from tests.builders import OWNER, Stores
from tests.conftest import ROOT
from tests.dispatching import MOMENT, dispatch_limits, dispatching
from tests.fake_page import FakePage
from tests.ports import free_port
from tests.scraping import Scrape, scrape
from tests.waiting import until

if TYPE_CHECKING:
    from tests.integration.conftest import Client


@pytest.fixture
def metrics() -> WorkerMetrics:
    return WorkerMetrics(ProcessMetrics())


async def _settled(stores: Stores, message: Message) -> Message:
    async def there() -> bool:
        found = await stores.outbox.find(OWNER, message.id)
        return found.status not in (MessageStatus.QUEUED, MessageStatus.SENDING)

    await until(there)
    return await stores.outbox.find(OWNER, message.id)


async def test_sends_are_counted_by_result_with_the_times_that_the_outbox_has(
    stores: Stores, metrics: WorkerMetrics
) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    messages = [await stores.message(connection, f"text {n}") for n in range(4)]
    async with dispatching(stores, page, lease, metrics=metrics):
        sent = [await _settled(stores, each) for each in messages]
        page.refused = "blocked"
        await _settled(stores, await stores.message(connection))
        page.refused = None
        page.registered = lambda _chat: False
        await _settled(stores, await stores.message(connection, to="972509999999@c.us"))
    seen = scrape(metrics.process)
    assert seen.value("chatgrow_sends_total", result="sent", reason="") == 4
    assert seen.value("chatgrow_sends_total", result="failed", reason="blocked") == 1
    assert seen.value("chatgrow_sends_total", result="failed", reason="not_on_whatsapp") == 1
    assert seen.value("chatgrow_message_enqueue_to_sent_seconds_count") == 4
    assert seen.value("chatgrow_message_enqueue_to_sent_seconds_sum") == pytest.approx(
        sum(_between(each.queued_at, each.sent_at) for each in sent)
    )
    assert seen.value("chatgrow_message_claim_to_sent_seconds_sum") == pytest.approx(
        sum(_between(each.sending_at, each.sent_at) for each in sent)
    )


def _between(first: datetime | None, last: datetime | None) -> float:
    assert first is not None
    assert last is not None
    return max(0.0, (last - first).total_seconds())


async def test_a_delivery_is_counted_once_with_the_time_it_took(
    stores: Stores, metrics: WorkerMetrics
) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    message = await stores.message(connection)
    async with dispatching(stores, page, lease, metrics=metrics):
        sent = await _settled(stores, message)
    acks = AckRecorder(page, stores.queue, lease, metrics)
    for ack in (Ack.SERVER, Ack.DEVICE, Ack.DEVICE, Ack.READ):
        page.ack(str(sent.whatsapp_id), ack)
        await acks.record_new("epoch", page.acks_since(acks.serial))
    read = await stores.outbox.find(OWNER, message.id)
    assert read.status is MessageStatus.READ
    seen = scrape(metrics.process)
    assert seen.value("chatgrow_message_sent_to_delivered_seconds_count") == 1
    assert seen.value("chatgrow_message_sent_to_delivered_seconds_sum") == pytest.approx(
        _between(read.sent_at, read.delivered_at)
    )


async def test_an_unknown_end_is_counted_with_its_reason(
    stores: Stores, metrics: WorkerMetrics
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    limits = dispatch_limits(outcome=MOMENT, ghost=MOMENT)
    async with dispatching(stores, FakePage(held=True), lease, limits, metrics):
        await _settled(stores, message)
    seen = scrape(metrics.process)
    reason = "stored_but_not_acknowledged"
    assert seen.value("chatgrow_sends_total", result="unknown", reason=reason) == 1
    assert seen.value("chatgrow_message_enqueue_to_sent_seconds_count") == 0


async def test_a_reason_that_the_page_made_up_does_not_become_a_label(
    stores: Stores, metrics: WorkerMetrics
) -> None:
    connection, _ = await stores.leased()
    message = await stores.message(connection)
    for reason in (
        "+972501234567",
        "no chat with 972501234567@c.us",
        *map("code{}".format, range(80)),
    ):
        metrics.send_ended(message, MessageStatus.FAILED, reason)
    seen = scrape(metrics.process)
    assert len(seen.series("chatgrow_sends_total")) == 51
    assert seen.value("chatgrow_sends_total", result="failed", reason="other") == 32
    assert not any("972501" in each["reason"] for each in seen.series("chatgrow_sends_total"))


async def test_a_worker_serves_its_metrics_to_who_has_the_token(
    metrics: WorkerMetrics, tmp_path: Path
) -> None:
    token = "a token of sixteen and more"
    settings = WorkerSettings(
        _env_file=None, data_dir=tmp_path, metrics_port=free_port(), metrics_token=SecretStr(token)
    )
    looks: list[str] = []

    async def look() -> None:
        looks.append("looked")

    metrics.page_broke(Reason.PAGE_CRASHED)
    metrics.lease_lost()
    url = f"http://127.0.0.1:{settings.metrics_port}/metrics"
    async with (
        serving_metrics(settings, metrics.process.registry, (look,)),
        aiohttp.ClientSession() as http,
    ):
        async with http.get(url) as refused:
            assert refused.status == 401
        async with http.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == 200
            seen = Scrape(await answer.text())
    assert looks == ["looked"]
    assert seen.value("chatgrow_page_breaks_total", reason="page_crashed") == 1
    assert seen.value("chatgrow_lease_losses_total") == 1


async def test_a_worker_serves_its_metrics_under_its_own_names_only(
    metrics: WorkerMetrics, tmp_path: Path
) -> None:
    settings = WorkerSettings(
        _env_file=None,
        data_dir=tmp_path,
        metrics_port=free_port(),
        allowed_hosts=(".internal",),
    )
    url = f"http://127.0.0.1:{settings.metrics_port}/metrics"
    async with (
        serving_metrics(settings, metrics.process.registry, ()),
        aiohttp.ClientSession() as http,
    ):
        for host, status in {
            "evil.example.org": 421,
            gethostname(): 200,
            "worker-1.internal:9400": 200,
        }.items():
            async with http.get(url, headers={"Host": host}) as answer:
                assert answer.status == status, host
                if status == 421:
                    assert (await answer.json())["code"] == "host_not_allowed"


async def test_a_worker_in_production_serves_no_metrics_without_a_token(
    metrics: WorkerMetrics, tmp_path: Path
) -> None:
    settings = WorkerSettings(
        _env_file=None, app_env="production", data_dir=tmp_path, metrics_port=free_port()
    )
    url = f"http://127.0.0.1:{settings.metrics_port}/metrics"
    async with (
        serving_metrics(settings, metrics.process.registry, ()),
        aiohttp.ClientSession() as http,
        http.get(url) as refused,
    ):
        assert refused.status == 403
        assert (await refused.json())["code"] == "metrics_closed"


async def test_a_port_that_is_taken_costs_the_metrics_and_not_the_worker(
    metrics: WorkerMetrics, tmp_path: Path
) -> None:
    settings = WorkerSettings(_env_file=None, data_dir=tmp_path, metrics_port=free_port())
    registry = metrics.process.registry
    async with serving_metrics(settings, registry, ()), serving_metrics(settings, registry, ()):
        pass


async def test_the_memory_of_a_browser_is_shown_while_its_connection_runs_here(
    stores: Stores, metrics: WorkerMetrics, tmp_path: Path
) -> None:
    running = [await stores.connection(), await stores.connection("other")]
    label = running[0].id
    gauges = PoolCollector(lambda: running, 5, tmp_path.joinpath, ConnectionLabels())
    metrics.process.registry.register(gauges)
    code = "import time; print(flush=True); block = b'x' * 50_000_000; time.sleep(60)"
    browser = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, f"--user-data-dir={tmp_path / running[0].id}"),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert browser.stdout is not None
        await browser.stdout.readline()
        await gauges.look()
        seen = scrape(metrics.process)
        running.clear()
        left = scrape(metrics.process)
    finally:
        browser.kill()
        await browser.communicate()
    name = "chatgrow_browser_memory_bytes"
    assert seen.series(name) == [{"connection": label}]
    assert 5e6 < (seen.value(name, connection=label) or 0) < 5e8
    assert seen.value("chatgrow_worker_connections") == 2
    assert left.series(name) == []
    assert left.value("chatgrow_worker_connections") == 0


async def test_the_page_of_metrics_names_exactly_what_there_is(
    client: Client, metrics: WorkerMetrics
) -> None:
    metrics.process.registry.register(PoolCollector(list, 1, ROOT.joinpath, ConnectionLabels()))
    WebhookMetrics(metrics.process.registry)
    api = Scrape(await (await client.get("/metrics")).text()).metrics()
    worker = scrape(metrics.process).metrics()
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    api_told, worker_told, both_told = (dict(_ROW.findall(part)) for part in parts[1:4])
    assert {**api_told, **both_told} == api
    assert {**worker_told, **both_told} == worker


_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| [^|]*\| [^|]+\|$", re.MULTILINE)

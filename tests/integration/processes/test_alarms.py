"""The alarms in `docs/` look at what a fresh process exports, under the labels that it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chatgrow_worker.monitoring.gauges import PoolCollector
from chatgrow_worker.monitoring.metrics import WorkerMetrics
from sessions.connections.states import Reason
from sessions.messages.model import MessageStatus
from sessions.metrics import ConnectionLabels, ProcessMetrics
from tests.builders import Stores
from tests.conftest import ROOT
from tests.scraping import Scrape, scrape

if TYPE_CHECKING:
    from tests.integration.conftest import Client

_TEXT = (ROOT / "docs" / "alarms.yml").read_text(encoding="utf-8")
_EXPRESSIONS = re.findall(r"^ +expr: (.+)$", _TEXT, re.MULTILINE)
_SELECTOR = re.compile(r"\b(up|chatgrow_\w+)(?:{([^}]*)})?")
_MATCHER = re.compile(r'(\w+)(=~|!~|=|!=)"([^"]*)"')
_GROUPED = re.compile(r"by \((\w+)\) \((?:\w+\()?(chatgrow_\w+)")


async def test_every_alarm_can_see_its_figure_right_after_a_start(
    client: Client, stores: Stores
) -> None:
    await stores.connection()
    worker = WorkerMetrics(ProcessMetrics())
    worker.process.registry.register(PoolCollector(list, 1, ROOT.joinpath, ConnectionLabels()))
    seen = (Scrape(await (await client.get("/metrics")).text()), scrape(worker.process))
    assert _EXPRESSIONS
    for expression in _EXPRESSIONS:
        for name, matchers in _SELECTOR.findall(expression):
            # `up` is Prometheus's own.
            assert name == "up" or _matching(seen, name, matchers), expression
        for label, name in _GROUPED.findall(expression):
            assert all(label in each for each in _matching(seen, name, "")), expression


def _matching(seen: tuple[Scrape, ...], name: str, matchers: str) -> list[dict[str, str]]:
    series = [dict(each) for scraped in seen for each in scraped.series(name)]
    return [each for each in series if all(_fits(each, *m) for m in _MATCHER.findall(matchers))]


def _fits(labels: dict[str, str], label: str, operator: str, value: str) -> bool:
    found = re.fullmatch(value if "~" in operator else re.escape(value), labels[label])
    return (found is None) == operator.startswith("!")


def test_what_operations_says_of_alarms_is_what_there_is() -> None:
    told = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(ChatGrow\w+)`", told, re.MULTILINE) == re.findall(
        r"- alert: (\w+)", _TEXT
    )


async def test_the_first_of_its_kind_is_a_rise(stores: Stores) -> None:
    metrics = WorkerMetrics(ProcessMetrics())
    message = await stores.message(await stores.connection())

    def counts() -> list[float | None]:
        seen = scrape(metrics.process)
        return [
            seen.value("chatgrow_send_results_total", result="unknown"),
            seen.value("chatgrow_send_results_total", result="failed"),
            seen.value("chatgrow_session_saves_total", result="failed"),
            seen.value("chatgrow_page_breaks_total", reason="page_crashed"),
        ]

    before = counts()
    metrics.send_ended(message, MessageStatus.UNKNOWN, "page_lost")
    metrics.send_ended(message, MessageStatus.FAILED, "blocked")
    metrics.session_not_saved()
    metrics.page_broke(Reason.PAGE_CRASHED)
    assert (before, counts()) == ([0, 0, 0, 0], [1, 1, 1, 1])

"""The service itself: its health, its workers, its logs and its figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from chatgrow_client.calls import Call, Query, get, model, path, written
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    About,
    ErasedView,
    Health,
    HistoryView,
    IntakeFailureList,
    IntakeFailureView,
    LogRecordList,
    LogRecordView,
    StatsView,
    WorkerList,
    WorkerView,
)
from chatgrow_client.pages import Pages

_AWAY = 503


class Service(Group[Transport]):
    """See how the service is."""

    @method
    def about(self) -> Call[About]:
        """Return the name and version of the API."""
        return get("/api", model(About))

    @method
    def health(self) -> Call[Health]:
        """Return the health of all parts; `away` has those that are away."""
        return replace(get("/health", model(Health)), answers=frozenset({_AWAY}))

    @listing
    def workers(self) -> Pages[WorkerView]:
        """List the workers; for administrators."""
        return Pages(get("/api/workers", model(WorkerList)))

    @listing
    def logs(
        self,
        *,
        level: Literal["error", "warn", "info", "debug"] | None = None,
        connection_id: str | None = None,
        process: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int | None = None,
    ) -> Pages[LogRecordView]:
        """List log records of a level and above, newest first; for administrators."""
        query: Query = {
            "level": level,
            "connectionId": connection_id,
            "process": process,
            "since": since,
            "until": until,
            "limit": page_size,
        }
        return Pages(get("/api/logs", model(LogRecordList), query))

    @listing
    def intake_failures(self, *, page_size: int | None = None) -> Pages[IntakeFailureView]:
        """List the jobs from which no message could be made; for administrators."""
        query: Query = {"limit": page_size}
        return Pages(get("/api/whatsapp/intake-failures", model(IntakeFailureList), query))


class Figures(Group[Transport]):
    """What was sent, and what became of it."""

    @method
    def history(
        self,
        *,
        since: datetime | None = None,
        hours: int | None = None,
        step_minutes: Literal[1, 5, 15, 60] | None = None,
    ) -> Call[HistoryView]:
        """Return how many messages waited, were sent and failed, step by step."""
        query: Query = {"since": since, "hours": hours, "stepMinutes": step_minutes}
        return get("/api/whatsapp/history", model(HistoryView), query)

    @method
    def business(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: Literal["day", "week", "month"] | None = None,
    ) -> Call[StatsView]:
        """Return the figures of appointments and messages."""
        query: Query = {"from": since, "to": until, "by": by}
        return get("/provider/stats", model(StatsView), query)


class Recipients(Group[Transport]):
    """The people who were written to."""

    @method
    def erase(self, number: str, *, all_owners: bool = False) -> Call[ErasedView]:
        """Erase what is known of a number; repeat it until `sending` is 0."""
        query: Query = {"allOwners": all_owners or None}
        where = path("/api/recipients/{}", number)
        return Call("DELETE", where, model(ErasedView), True, written(query))

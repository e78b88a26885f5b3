"""The models of the endpoints for operators."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from control_api.schemas.base import Answer, Body
from sessions.common.disk_space import DiskState
from sessions.common.json_values import Timestamp, WrittenTimestamp
from sessions.connections.workers import WorkerRecord
from sessions.monitoring.queue_history import Sample

_STEPS = {str(minutes): minutes for minutes in (1, 5, 15, 60)}


class HistoryQuery(Body):
    """GET /api/whatsapp/history: the start (instead of `hours`), and the length of a step."""

    since: Timestamp | None = None
    hours: Annotated[int, Field(ge=1, le=48)] = 6
    step_minutes: Annotated[
        Literal[1, 5, 15, 60], BeforeValidator(lambda text: _STEPS.get(text, text))
    ] = 5


class SampleView(Answer):
    """One step: the most messages that waited, and how many were sent and failed during it."""

    at: WrittenTimestamp
    queued: int
    oldest_seconds: int
    """How long the oldest due message had waited."""
    sent: int
    failed: int

    @classmethod
    def of(cls, sample: Sample) -> SampleView:
        """Show a sample."""
        return cls(
            at=sample.at,
            queued=sample.queued,
            oldest_seconds=int(sample.oldest.total_seconds()),
            sent=sample.sent,
            failed=sample.failed,
        )


class HistoryView(Answer):
    """GET /api/whatsapp/history, oldest first; times at which no API ran are missing."""

    step_seconds: int
    items: list[SampleView]


class WorkerView(Answer):
    """A worker: how many connections it runs and can run, and whether it is alive."""

    worker: str
    alive: bool
    running: int
    capacity: int
    version: str | None = None
    started_at: WrittenTimestamp | None = None
    seen_at: WrittenTimestamp
    disk: DiskState

    @classmethod
    def of(cls, record: WorkerRecord) -> WorkerView:
        """Show a worker."""
        return cls(**record.model_dump())


class WorkerList(Answer):
    """GET /api/workers, by name; workers that stopped in order are not listed."""

    items: list[WorkerView]

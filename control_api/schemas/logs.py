"""The models of GET /api/logs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from control_api.schemas.base import Answer, Body, not_before
from sessions.common.json_values import Timestamp
from sessions.config.settings import LogLevel
from sessions.logs.records import LogQuery

_Text = Annotated[str, StringConstraints(max_length=200)]


class LogSearch(Body):
    """GET /api/logs: which records to list; `level` includes all more severe levels."""

    level: LogLevel = "debug"
    connection_id: _Text | None = None
    process: _Text | None = None
    since: Timestamp | None = None
    until: Annotated[Timestamp, not_before("since")] | None = None
    cursor: _Text | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100

    def to_query(self) -> LogQuery:
        """Return the query for the store."""
        return LogQuery(self.level, self.connection_id, self.process, self.since, self.until)


class LogRecordView(Answer):
    """One log record; its other bound values follow under their own names."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="allow"
    )

    time: str
    level: LogLevel
    process: str
    worker: str | None = None
    owner: str | None = None
    connection: str | None = None
    message_id: str | None = None
    message: str
    exception: str | None = None

    @classmethod
    def of(cls, document: dict[str, Any]) -> LogRecordView:
        """Show a stored record."""
        own = ("_id", "at", "names")
        shown = {name: value for name, value in document.items() if name not in own}
        return cls.model_validate(shown)


class LogRecordList(Answer):
    """Records, newest first; `cursor` is present if more may follow."""

    items: list[LogRecordView]
    cursor: str | None = None

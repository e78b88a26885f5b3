"""Every time in an answer or an event is written in one form, whatever its value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from control_api.app import GROUPS
from control_api.schemas.base import Answer
from sessions.connections.events import ConnectionQrData, ConnectionStateData
from sessions.messages.events import MessageStatusData

FULL_SECOND = datetime(2026, 1, 31, 9, tzinfo=UTC)


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield base
    for each in base.__subclasses__():
        yield from _models(each)


def _times() -> Iterator[Any]:
    assert GROUPS, "Importing them has made every answer."
    events: list[type[BaseModel]] = [ConnectionQrData, ConnectionStateData, MessageStatusData]
    for model in [*_models(Answer), *events]:
        for name, field in model.model_fields.items():
            if "datetime" in repr(field.annotation):
                yield pytest.param(field, id=f"{model.__name__}.{name}")


@pytest.mark.parametrize("field", [*_times()])
def test_a_full_second_has_its_milliseconds(field: Any) -> None:
    value = [FULL_SECOND] if "list" in repr(field.annotation) else FULL_SECOND
    written = TypeAdapter(field.rebuild_annotation()).dump_json(value)
    assert written.strip(b"[]") == b'"2026-01-31T09:00:00.000Z"'

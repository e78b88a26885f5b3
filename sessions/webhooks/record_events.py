"""Events of records that another part of the program keeps: they are told by their fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from sessions.common.json_values import WrittenTimestamp
from sessions.outgoing_events.families import OutgoingEvent, outgoing
from sessions.outgoing_events.pending import PendingEvent

_TIME = TypeAdapter(WrittenTimestamp)


@dataclass(frozen=True)
class RecordEvents:
    """How the entries of such a collection are told: the id as `id_name`, the fields, the facts."""

    collection: str
    id_name: str
    told: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a document that `tell` reads."""
        return ("owner", *self.told)

    def tell(self, document: Mapping[str, Any], entry: PendingEvent) -> OutgoingEvent:
        """Build the event of a record: what it said at that time, and what stays the same."""
        kept = {name: document[name] for name in self.fields if name in document}
        data = {self.id_name: document["_id"], **kept, **entry.facts, "at": entry.at}
        return outgoing(
            document,
            entry,
            owner=document["owner"],
            data=json.dumps({name: _plain(value) for name, value in data.items()}),
            connection=None,
        )


def _plain(value: object) -> object:
    """Return a value as JSON has it."""
    return _TIME.dump_python(value, mode="json") if isinstance(value, datetime) else value

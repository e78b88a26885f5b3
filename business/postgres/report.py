"""Tell on the standard output what an import does, for people or as lines of JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from business.postgres.table import OpenTable, TableRow

REFUSED = "refused"


class Report:
    """What became of the rows of one round. Numbers and names of people are not told."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.counts: Counter[str] = Counter()

    def begin(self, table: OpenTable) -> None:
        """Tell which columns are taken, and which are not."""
        self.counts = Counter()
        taken = {field: "+".join(columns) for field, columns in table.columns.items()}
        if self._as_json:
            self._write({"table": table.name, "taken": taken, "left": list(table.left)})
            return
        written = ", ".join(f"{field} = {columns}" for field, columns in taken.items())
        print(f"Reading {table.name}: {written}.", flush=True)
        if table.left:
            print(f"Not read: {', '.join(table.left)}.", flush=True)

    def row(self, row: TableRow, outcome: str, reason: str | None = None) -> None:
        """Tell what became of a row; of those that were known already, only how many."""
        self.counts[outcome] += 1
        if self._as_json:
            told = {"row": row.number, "key": row.key, "outcome": outcome, "reason": reason}
            self._write({name: value for name, value in told.items() if value is not None})
        elif outcome != "unchanged":
            key = f" ({row.key})" if row.key else ""
            print(f"row {row.number}{key}: {outcome}{f': {reason}' if reason else ''}", flush=True)

    def end(self, not_there: int | None) -> None:
        """Tell how many there were of each; `not_there` is None for a round that was cut short."""
        counts = {name: self.counts[name] for name in ("created", "updated", "unchanged", REFUSED)}
        if self._as_json:
            gone = {} if not_there is None else {"notInTable": not_there}
            self._write({**counts, "complete": not_there is not None, **gone})
            return
        print(", ".join(f"{count} {name}" for name, count in counts.items()), flush=True)
        if not_there is None:
            print("The table was not read to its end; the next round begins anew.", flush=True)
        elif not_there:
            print(
                f"{not_there} of the same lists are here and not in the table: they stay as they "
                "are.",
                flush=True,
            )

    def _write(self, value: Mapping[str, object]) -> None:
        print(json.dumps(value, ensure_ascii=False), flush=True)

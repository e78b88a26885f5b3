"""The report of an import."""

from __future__ import annotations

from business.csv_files import Flaw
from business.imports import Imported
from control_api.schemas.base import Answer


class RefusedLine(Answer):
    """A row that was not stored, and why: a code, a sentence.

    `line` is the number of the file's line on which it begins, from 1 for the first line of all.
    """

    line: int
    code: Flaw
    reason: str


class ImportReport(Answer):
    """What an import has done."""

    created: int
    updated: int
    refused: list[RefusedLine]

    @classmethod
    def of(cls, imported: Imported) -> ImportReport:
        """Show the report of an import."""
        refused = [
            RefusedLine(line=each.line, code=each.flaw, reason=each.reason)
            for each in imported.refused
        ]
        return cls(created=imported.created, updated=imported.updated, refused=refused)

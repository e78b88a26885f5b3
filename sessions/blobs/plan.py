"""Which parts of a login are in the store already, and which a save has to put there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sessions.blobs.parts import LastingFile, Part

if TYPE_CHECKING:
    from sessions.blobs.files import StoredFile
    from sessions.blobs.header import Identity


@dataclass(frozen=True)
class Plan:
    """The parts of a login; those `missing` in the store come from these files, each once.

    `there` holds the bytes that the others take in the store. Both go by the id of the part.
    """

    parts: list[Part] = field(default_factory=list)
    there: dict[str, int] = field(default_factory=dict)
    missing: dict[str, tuple[Path, Part]] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the parts; two equal files have the same one."""
        return (*self.there, *self.missing)


def make_plan(
    files: Sequence[LastingFile],
    stored: Mapping[str, StoredFile],
    save: Identity,
    new_id: Callable[[], str],
) -> Plan:
    """Choose a part for each file: a stored one of its SHA-256, or a new one of this save."""
    plan = Plan()
    new_ids: dict[str, str] = {}
    for file in files:
        if found := stored.get(file.sha256):
            part = _part(file, found.id, found.header.identity)
            plan.there[part.id] = found.size
        else:
            part = _part(file, new_ids.setdefault(file.sha256, new_id()), save)
            plan.missing[part.id] = (file.path, part)
        plan.parts.append(part)
    return plan


def _part(file: LastingFile, part_id: str, made_by: Identity) -> Part:
    return Part(
        name=file.name,
        size=file.size,
        sha256=file.sha256,
        id=part_id,
        generation=made_by.generation,
        serial=made_by.serial,
    )

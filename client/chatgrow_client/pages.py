"""Lists that the API gives page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from chatgrow_client.calls import Call

T_co = TypeVar("T_co", covariant=True)


class Page(Protocol[T_co]):
    """One page of a list."""

    @property
    def items(self) -> Sequence[T_co]:
        """What is on it."""


@dataclass(frozen=True)
class Pages(Generic[T_co]):
    """All pages of a list, from the first one on; a list without cursors has one."""

    first: Call[Page[T_co]]

    def next(self, call: Call[Page[T_co]], page: Page[Any]) -> Call[Page[T_co]] | None:
        """Return the call for the page after this one, or None if this is the last."""
        cursor: str | None = getattr(page, "cursor", None)
        return call.after(cursor) if cursor else None

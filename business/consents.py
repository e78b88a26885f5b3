"""What people have agreed to, by number: kept for numbers that are no customer's, too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from business.errors import ExistsError
from business.model import Agreement, Consents, Purpose
from business.store import Store, changing
from sessions.common.ids import new_id

_KEPT_ANSWERS = 100


class ConsentBook:
    """Read and write consents. An answer is never lost: the earlier ones stay in the history."""

    def __init__(self, store: Store[Consents]) -> None:
        self._store = store

    async def of(self, owner: str, phone: str, now: datetime) -> Consents:
        """Return what a number has agreed to; a record is made if there is none yet."""
        found = await self._store.first(owner, {"phone": phone})
        while found is None:
            record = Consents(id=new_id(), owner=owner, phone=phone, created_at=now)
            try:
                return await self._store.add(record)
            except (DuplicateKeyError, ExistsError):
                found = await self._store.first(owner, {"phone": phone})
        return found

    async def of_all(self, owner: str | None, phones: list[str]) -> dict[tuple[str, str], Consents]:
        """Return what these numbers have agreed to, by owner and number; unknown ones left out."""
        found = await self._store.all(owner, {"phone": {"$in": phones}})
        return {(each.owner, each.phone): each for each in found}

    async def record(
        self,
        owner: str,
        phone: str,
        states: Mapping[Purpose, Agreement],
        how: str,
        now: datetime,
        evidence: str | None = None,
    ) -> bool:
        """Record answers, in one write; tell whether any of them is new.

        An answer that is known already changes nothing, so that it can be recorded again.
        """
        known = await self.of(owner, phone, now)
        new = {purpose: to for purpose, to in states.items() if known.state(purpose) is not to}
        if not new:
            return False
        answer = {"at": now, "how": how, **({"evidence": evidence} if evidence else {})}
        answers: list[dict[str, Any]] = [
            {"purpose": purpose, "state": state, **answer} for purpose, state in new.items()
        ]
        changes = {
            f"consents.{purpose}": {"state": state, **answer} for purpose, state in new.items()
        }
        update = changing(changes) | {
            "$push": {"history": {"$each": answers, "$slice": -_KEPT_ANSWERS}}
        }
        await self._store.change(owner, known.id, update)
        return True

"""What people have agreed to, by number: kept for numbers that are no customer's, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from business.errors import ExistsError
from business.model import Agreement, Consent, Consents, Purpose
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
        await self._store.change(owner, known.id, _update(_answers(new, how, now, evidence)))
        return True

    async def agree(
        self, owner: str, phones: Collection[str], purpose: Purpose, how: str, now: datetime
    ) -> set[str]:
        """Record that people agree to a purpose; return the numbers that have refused it.

        Those have to bring themselves back, and stay as they are.
        """
        known = await self._known(owner, phones)
        answers = _answers({purpose: Agreement.IN}, how, now)
        new = [
            Consents(
                id=new_id(),
                owner=owner,
                created_at=now,
                phone=phone,
                consents={purpose: Consent(state=Agreement.IN, at=now, how=how)},
                history=tuple(answers),
            )
            for phone in phones
            if phone not in known
        ]
        if len(await self._store.add_all([(each, {}) for each in new])) < len(new):
            # Others have made some of them meanwhile.
            known = await self._known(owner, phones)
        unsaid = [each.id for each in known.values() if each.state(purpose) is Agreement.UNKNOWN]
        if unsaid:
            said = {"$in": [Agreement.IN, Agreement.OUT]}
            which = {"_id": {"$in": unsaid}, f"consents.{purpose}.state": {"$not": said}}
            await self._store.collection.update_many(which, _update(answers))
        return {each.phone for each in known.values() if each.state(purpose) is Agreement.OUT}

    async def _known(self, owner: str, phones: Collection[str]) -> dict[str, Consents]:
        found = await self._store.all(owner, {"phone": {"$in": list(phones)}})
        return {each.phone: each for each in found}


def _answers(
    states: Mapping[Purpose, Agreement], how: str, now: datetime, evidence: str | None = None
) -> list[dict[str, Any]]:
    """Return what is kept of answers for ever."""
    answer = {"at": now, "how": how, **({"evidence": evidence} if evidence else {})}
    return [{"purpose": purpose, "state": state, **answer} for purpose, state in states.items()]


def _update(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the update that records answers."""
    fields = {
        f"consents.{each['purpose']}": {k: v for k, v in each.items() if k != "purpose"}
        for each in answers
    }
    history = {"$each": list(answers), "$slice": -_KEPT_ANSWERS}
    return changing(fields) | {"$push": {"history": history}}

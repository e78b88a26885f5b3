"""Customers: found or made by their number, changed, and with what they have agreed to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from business.consents import ConsentBook
from business.errors import CustomerNotFoundError, ExistsError
from business.model import Agreement, Consents, Customer, Purpose
from business.plans import Plans
from business.store import Store, changing

SHOWN: Mapping[str, Any] = {"erasing": {"$ne": True}}
"""The filter for customers who are not being erased."""


class Customers:
    """The customers of all owners."""

    def __init__(
        self,
        store: Store[Customer],
        consents: ConsentBook,
        plans: Plans,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._consents = consents
        self._plans = plans
        self._now = now

    async def find(self, owner: str | None, customer_id: str) -> Customer:
        """Return a customer; raise CustomerNotFoundError."""
        found = await self._store.first(owner, {"_id": {"$eq": customer_id}, **SHOWN})
        if found is None:
            raise CustomerNotFoundError(customer_id)
        return found

    async def by_phone(self, owner: str, phone: str) -> Customer | None:
        """Return the customer with a number, if there is one."""
        return await self._store.first(owner, {"phone": phone, **SHOWN})

    async def page(
        self,
        owner: str | None,
        search: str | None,
        tag: str | None,
        cursor: str | None,
        limit: int,
    ) -> tuple[list[Customer], str | None]:
        """Return a page of customers, newest first; `search` is a part of a name or number."""
        which: dict[str, Any] = {**SHOWN, **({"tags": {"$eq": tag}} if tag else {})}
        if search:
            which["$or"] = _matching(search)
        return await self._store.page(owner, which, cursor, limit)

    async def add(
        self, customer: Customer, consents: Mapping[Purpose, Agreement], how: str
    ) -> Customer:
        """Store a customer with their consents; raise ExistsError if the number is known.

        The consents come first: nothing goes to a new customer who has refused it.
        """
        other = await self._store.first(customer.owner, {"phone": customer.phone})
        if other is not None and other.id != customer.id:
            raise ExistsError("customer", other.id)
        await self._consents.record(customer.owner, customer.phone, consents, how, self._now())
        stored = await self._store.add(customer.model_copy(update={"dirty": True}))
        await self._plans.settle(stored.owner)
        return stored

    async def change(
        self,
        found: Customer,
        changes: Mapping[str, Any],
        consents: Mapping[Purpose, Agreement],
        how: str,
    ) -> Customer:
        """Change a customer and what they agreed to; None takes a field or an attribute away.

        Raises CustomerNotFoundError or ExistsError.
        """
        phone = str(changes.get("phone", found.phone))
        await self._consents.record(found.owner, phone, consents, how, self._now())
        changed: Customer | None = found
        if changes:
            update = changing(changes)
            if phone != found.phone:
                update["$addToSet"] = {"formerPhones": found.phone}
            changed = await self._store.change(found.owner, found.id, update, SHOWN)
        if changed is None:
            raise CustomerNotFoundError(found.id)
        await self._plans.settle(found.owner)
        return changed

    async def consents_of(self, customers: list[Customer]) -> dict[str, Consents]:
        """Return what customers have agreed to, by customer; those that never answered left out."""
        known = await self._consents.of_all(None, [each.phone for each in customers])
        pairs = {each.id: known.get((each.owner, each.phone)) for each in customers}
        return {key: value for key, value in pairs.items() if value is not None}


def _matching(search: str) -> list[dict[str, Any]]:
    part = {"$regex": re.escape(search), "$options": "i"}
    digits = re.sub(r"\D", "", search, flags=re.ASCII)
    by_number = [{"phone": {"$regex": digits.lstrip("0") or digits}}] if len(digits) > 2 else []
    return [{"name": part}, *by_number]

"""What tests of the business pages share: a shop with a customer, over the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.builders import Stores

if TYPE_CHECKING:
    from tests.integration.pages.dashboard import Client

DAY = "2040-01-31"
DANA: dict[str, Any] = {
    "name": "Dana Levi",
    "phone": "+972541234567",
    "language": "en",
    "tags": ["regular"],
}


@dataclass
class Shop:
    """A provider with one connection, whose records are made over the API."""

    client: Client

    @classmethod
    async def open(cls, client: Client, stores: Stores) -> Shop:
        """Give the provider a connection."""
        await stores.connection()
        return cls(client)

    async def make(self, kind: str, **body: Any) -> dict[str, Any]:
        """Make a record."""
        async with self.client.post(f"/api/{kind}", json=body) as answer:
            assert answer.status == 201, await answer.text()
            return dict(await answer.json())

    async def get(self, path: str) -> Any:
        """Return what the API holds."""
        async with self.client.get(f"/api/{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def book(self, customer: dict[str, Any], hour: int = 9, **fields: Any) -> dict[str, Any]:
        """Book an appointment on the day that the tests look at."""
        usual = {
            "connectionId": "main",
            "service": "Haircut",
            "startsAt": f"{DAY}T{hour:02}:00:00Z",
        }
        return await self.make("appointments", customer=customer["id"], **(usual | fields))

    async def remind(self, offset: str = "24h", **fields: Any) -> dict[str, Any]:
        """Switch an automation on that reminds before appointments."""
        usual = {
            "name": "A day before",
            "trigger": "before_appointment",
            "offset": offset,
            "template": "ready_reminder",
            "purpose": "reminder",
            "connectionId": "main",
            "enabled": True,
        }
        return await self.make("automations", **(usual | fields))

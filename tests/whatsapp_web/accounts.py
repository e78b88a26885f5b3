"""Know the numbers, their hidden ids and the devices that are linked to them."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.whatsapp_web.database import Database
from tests.whatsapp_web.numbers import (
    LID_SERVER,
    PHONE_SERVER,
    default_lid,
    lid_wid,
    phone_wid,
    split_wid,
)


@dataclass(frozen=True)
class Account:
    """One number as the service knows it."""

    digits: str
    registered: bool
    lid: str
    addressing: str
    receipts_from_lid: bool
    business: bool
    phone: bool
    canonical: str | None
    trouble: str | None

    @property
    def phone_wid(self) -> str:
        """The id by number."""
        return phone_wid(self.digits)

    @property
    def lid_wid(self) -> str:
        """The id by hidden id."""
        return lid_wid(self.lid)

    @property
    def chat_wid(self) -> str:
        """The id under which a chat with this account is kept."""
        return self.lid_wid if self.addressing == "lid" else self.phone_wid

    @property
    def receipt_wid(self) -> str:
        """The id under which this account's receipts arrive."""
        return self.lid_wid if self.receipts_from_lid else self.chat_wid


@dataclass(frozen=True)
class Device:
    """One linked browser."""

    id: str
    digits: str
    token: str
    identity: bytes
    name: str


class Accounts:
    """Numbers and devices, kept in the database. A number that nobody mentioned is registered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def account(self, digits: str) -> Account:
        """Return the account of a number, making it known."""
        await self._database.write(
            "INSERT OR IGNORE INTO number VALUES (?, 1, ?, 'pn', 0, 0, 0, 1, NULL, NULL)",
            *(digits, default_lid(digits)),
        )
        row = await self._database.row("SELECT * FROM number WHERE digits = ?", digits)
        if row is None:
            raise RuntimeError("an account vanished")
        return _account(row)

    async def by_wid(self, wid: str) -> Account | None:
        """Return the account behind an id of either kind; None for an unknown hidden id."""
        user, server = split_wid(wid)
        if server == PHONE_SERVER and user.isdigit():
            return await self.account(user)
        if server != LID_SERVER:
            return None
        row = await self._database.row("SELECT * FROM number WHERE lid = ?", user)
        return None if row is None else _account(row)

    async def behind(self, wid: str) -> Account | None:
        """Return the account that a number check answers with; it may have another number."""
        account = await self.by_wid(wid)
        if account is None or account.canonical is None:
            return account
        return await self.account(account.canonical)

    async def change(self, digits: str, **columns: object) -> Account:
        """Change columns of a number and return it as it now is."""
        await self.account(digits)
        for column, value in columns.items():
            sql = f"UPDATE number SET {column} = ? WHERE digits = ?"  # noqa: S608 - our own names
            await self._database.write(sql, value, digits)
        return await self.account(digits)

    async def link(self, digits: str, identity: bytes, name: str) -> Device:
        """Link a new device to a number and return it with its secret token."""
        await self.account(digits)

        def work(connection: sqlite3.Connection) -> Device:
            row = connection.execute(
                "UPDATE number SET next_device = next_device + 1 WHERE digits = ? "
                "RETURNING next_device",
                (digits,),
            ).fetchone()
            device = Device(
                id=f"{digits}:{row['next_device'] - 1}@{PHONE_SERVER}",
                digits=digits,
                token=secrets.token_urlsafe(32),
                identity=identity,
                name=name,
            )
            linked_at = datetime.now(UTC).timestamp()
            connection.execute(
                "INSERT INTO device VALUES (?, ?, ?, ?, ?, ?)",
                (device.id, digits, device.token, identity, name, linked_at),
            )
            return device

        return await self._database.transact(work)

    async def device(self, device_id: str) -> Device | None:
        """Return a linked device."""
        row = await self._database.row("SELECT * FROM device WHERE id = ?", device_id)
        return None if row is None else _device(row)

    async def devices(self, digits: str | None = None) -> list[Device]:
        """Return the devices of a number, or all."""
        rows = await self._database.rows(
            "SELECT * FROM device WHERE ? IS NULL OR digits = ? ORDER BY linked_at", digits, digits
        )
        return [_device(row) for row in rows]

    async def unlink(self, device_id: str) -> bool:
        """Forget a device and what waits for it; tell whether it was linked."""
        await self._database.write("DELETE FROM mailbox WHERE device = ?", device_id)
        return await self._database.write("DELETE FROM device WHERE id = ?", device_id) > 0


def _account(row: sqlite3.Row) -> Account:
    return Account(
        digits=row["digits"],
        registered=bool(row["registered"]),
        lid=row["lid"],
        addressing=row["addressing"],
        receipts_from_lid=bool(row["receipts_from_lid"]),
        business=bool(row["business"]),
        phone=bool(row["phone"]),
        canonical=row["canonical"],
        trouble=row["trouble"],
    )


def _device(row: sqlite3.Row) -> Device:
    return Device(
        id=row["id"],
        digits=row["digits"],
        token=row["token"],
        identity=bytes(row["identity"]),
        name=row["name"],
    )

"""Webhooks through every real part: what happened is told, though workers are killed meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.integration.webhooks.receiver import Receiver, receiving
from tests.stack_client import PATIENCE, StackClient
from tests.waiting import until
from tests.worker_kills import kill_worker


def _statuses(receiver: Receiver, message_id: str) -> list[str]:
    """Return what was told of a message, each event once, in the order of its first arrival."""
    events = {got.id: json.loads(got.body)["data"] for got in receiver.got}
    return [each["status"] for each in events.values() if each.get("messageId") == message_id]


@asynccontextmanager
async def told_of_everything(system: StackClient) -> AsyncIterator[list[str]]:
    """Tell a receiver of everything; yield a list for the ids of messages that are sent.

    At the end they are read, and the receiver has missed nothing of them and of the connection.
    """
    async with receiving() as receiver:
        made = await system.post("/api/webhooks", {"url": receiver.url, "events": ["*"]})
        sent: list[str] = []
        yield sent
        for message_id in sent:
            await system.until_message(message_id, "read")

        def all_told() -> bool:
            return all("read" in _statuses(receiver, each) for each in sent)

        await until(all_told, within=PATIENCE)
        for message_id in sent:
            told = _statuses(receiver, message_id)
            # Acks that come together are one step, and so some statuses may be left out.
            assert (told[0], told[-1]) == ("queued", "read")
            assert set(told) <= {"queued", "sending", "sent", "delivered", "read"}
        assert all(got.verified(made["secret"]) for got in receiver.got)

        def states_told() -> bool:
            states = {json.loads(got.body)["data"].get("state") for got in receiver.got}
            return {"starting", "awaiting_scan", "connected"} <= states

        # What is about a connection and what is about a message comes in no common order.
        await until(states_told, within=PATIENCE)


# `test_one_message.py` tells of everything while nothing is killed.
@pytest.mark.slow
async def test_a_receiver_misses_nothing_though_workers_are_killed(system: StackClient) -> None:
    async with told_of_everything(system) as sent:
        await system.link()
        sent.append(await system.send("first"))
        for number in range(3):
            await kill_worker(system, lose_disk=False)
            await system.until_restarted("worker-1", number + 1)
            sent.append(await system.send(f"after kill {number}"))

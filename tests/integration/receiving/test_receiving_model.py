"""Marks and records against a model: whatever befalls workers, each message is recorded once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from ulid import ULID

from sessions.common.clock import utc_now
from sessions.embedded import ServerUris
from sessions.outgoing_events.pending import pending_in
from sessions.storage.mongo import open_database
from tests.builders import Stores
from tests.receiving_world import Message, ReceivingWorld

Result = TypeVar("Result")
_SHORT, _LONG = st.integers(1, 600), st.integers(1, 30_000)


class Receiving(RuleBasedStateMachine):
    """What people write and do, and what befalls pages and workers."""

    world: ReceivingWorld
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    def drawn(self, data: st.DataObject) -> Message:
        return self.world.expected[data.draw(st.sampled_from(self.world.known))]

    @rule(count=st.integers(1, 5), seconds=_LONG)
    def say(self, count: int, seconds: int) -> None:
        for number in range(count):
            self.world.says(f"text {number}", seconds)

    @rule(seconds=_LONG)
    def say_what_cannot_be_read(self, seconds: int) -> None:
        self.world.says(None, seconds)

    @precondition(lambda self: self.world.known)
    @rule(data=st.data(), seconds=_LONG)
    def content_comes(self, data: st.DataObject, seconds: int) -> None:
        message = self.drawn(data)
        if message.item["type"] == "ciphertext" and not message.item.get("revokedAt"):
            self.world.changes(message, seconds, type="chat", text="came late")

    @precondition(lambda self: self.world.known)
    @rule(data=st.data(), seconds=_SHORT, text=st.sampled_from(("one", "two")))
    def edit(self, data: st.DataObject, seconds: int, text: str) -> None:
        message = self.drawn(data)
        if message.item["type"] == "chat" and not message.item.get("revokedAt"):
            self.world.changes(message, seconds, text=text, editedAt=...)

    @precondition(lambda self: self.world.known)
    @rule(data=st.data(), seconds=_LONG)
    def revoke(self, data: st.DataObject, seconds: int) -> None:
        message = self.drawn(data)
        if message.item["type"] == "chat" and not message.item.get("revokedAt"):
            self.world.changes(message, seconds, revokedAt=...)

    @precondition(lambda self: self.world.known)
    @rule(data=st.data(), seconds=_LONG, emoji=st.sampled_from(("👍", "❤️", None)))
    def react(self, data: st.DataObject, seconds: int, emoji: str | None) -> None:
        self.world.reacts(self.drawn(data), emoji, seconds)

    @rule()
    def flood(self) -> None:
        self.world.floods()

    @rule()
    def look(self) -> None:
        self.run(self.world.look())

    @rule(step=st.integers(1, 40))
    def look_and_die(self, step: int) -> None:
        self.run(self.world.look_and_die(step))
        self.world.close()

    @rule()
    def lose_the_line(self) -> None:
        self.world.receiver.away()

    @rule()
    def kill(self) -> None:
        self.world.close()

    @rule()
    def take_over(self) -> None:
        former = self.world.receiver
        self.run(self.world.start())
        self.run(self.world.late_look(former))

    @rule(rows=st.integers(0, 5))
    def kill_before_rows_are_written(self, rows: int) -> None:
        self.run(self.world.lose_rows(rows))

    @rule()
    def save(self) -> None:
        self.world.saved = self.world.page.copy()

    @rule()
    def restore(self) -> None:
        self.run(self.world.restore())

    @rule()
    def link_again(self) -> None:
        self.run(self.world.link_again())

    def teardown(self) -> None:
        """Let it come to rest: each message is recorded once, as it is now, and told once."""
        self.run(self.world.look())
        documents = self.run(self.world.documents())
        found = {each["whatsappKey"]: each for each in documents}
        assert len(found) == len(documents)
        assert set(found) == set(self.world.expected)
        for key, message in self.world.expected.items():
            assert _seen(found[key]) == _wanted(message), key
            told = [each.type for each in pending_in(found[key])]
            readable = message.item["type"] == "chat"
            assert told.count("message.received") == readable
            assert told.count("message.revoked") <= 1


def _seen(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "text": document.get("text"),
        "edited": "editedAt" in document,
        "revoked": "revokedAt" in document,
        "emoji": next((each.get("emoji") for each in document.get("reactions", ())), None),
    }


def _wanted(message: Message) -> dict[str, Any]:
    return {
        "text": message.item["text"],
        "edited": bool(message.item.get("editedAt")),
        "revoked": bool(message.item.get("revokedAt")),
        "emoji": message.emoji,
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("examples", [10, pytest.param(25, marks=pytest.mark.slow)])
def test_whatever_befalls_workers_each_message_is_recorded_once(
    servers: ServerUris, examples: int
) -> None:
    with asyncio.Runner() as runner:
        uri = servers.mongo.replace("/chatgrow", f"/test-{ULID()}")
        context = open_database(uri, timedelta(seconds=30))
        database = runner.run(context.__aenter__())
        stores = Stores(database)
        runner.run(stores.prepare())

        class InThisDatabase(Receiving):
            def __init__(self) -> None:
                super().__init__()
                self.loop = runner.get_loop()
                self.world = runner.run(_fresh(stores))

        run_state_machine_as_test(
            InThisDatabase,
            settings=settings(
                max_examples=examples,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(_awaited(database.client.drop_database(database.name)))
        runner.run(context.__aexit__(None, None, None))


async def _awaited(future: Any) -> Any:
    return await future


async def _fresh(stores: Stores) -> ReceivingWorld:
    connection = await stores.connection(f"c-{ULID()}")
    begin = utc_now() - timedelta(days=30)
    linked = {"$set": {"linkedAt": begin}}
    await stores.database["connections"].update_one({"_id": connection.id}, linked)
    lease = await stores.leases().acquire(connection.id)
    assert lease is not None
    return ReceivingWorld(stores, connection, lease, begin)

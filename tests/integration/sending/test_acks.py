"""Acks that came while nobody listened are found, also when the page cannot tell at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.snapshot import AckUpdate
from chatgrow_worker.sending.acks import AckRecorder
from sessions.connections.leases import Lease
from sessions.connections.model import Connection
from sessions.messages.model import Ack, Message, MessageStatus
from sessions.metrics import ProcessMetrics
from tests.builders import OWNER, Stores
from tests.dispatching import MOMENT, dispatch_limits, dispatching, reaches
from tests.fake_page import FakePage
from tests.waiting import until


async def _sent(
    stores: Stores, page: FakePage, lease: Lease, connection: Connection
) -> list[Message]:
    """Send three messages whose acks nobody hears."""
    messages = [await stores.message(connection, f"text {n}") for n in range(3)]

    async def out() -> bool:
        return {each.status for each in await _all(stores, messages)} == {MessageStatus.SENT}

    async with dispatching(stores, page, lease):
        await until(out)
    page.stored = dict.fromkeys(page.stored, int(Ack.READ))
    return messages


async def _all(stores: Stores, messages: list[Message]) -> list[Message]:
    return [await stores.outbox.find(OWNER, each.id) for each in messages]


@pytest.mark.parametrize("rounds", [0, 1, 4])
async def test_acks_that_nobody_heard_are_asked_for_until_the_page_can_tell(
    stores: Stores, rounds: int
) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    messages = await _sent(stores, page, lease, connection)
    acks = _recorder(stores, page, lease, timedelta(0))
    page.fail_look_ups = 3 * rounds
    await acks.record_missed()
    for _ in range(rounds):
        assert MessageStatus.READ not in {each.status for each in await _all(stores, messages)}
        await acks.ask_again()
    assert {each.status for each in await _all(stores, messages)} == {MessageStatus.READ}


async def test_acks_of_what_was_unknown_are_asked_for_too(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage(held=True)
    async with dispatching(stores, page, lease, dispatch_limits(outcome=MOMENT, ghost=MOMENT)):
        await reaches(stores, message, MessageStatus.UNKNOWN)
    page.stored = dict.fromkeys(page.stored, int(Ack.READ))
    await _recorder(stores, page, lease, timedelta(0)).record_missed()
    assert [each.status for each in await _all(stores, [message])] == [MessageStatus.READ]


async def test_only_what_the_page_could_not_tell_is_asked_for_again(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    messages = await _sent(stores, page, lease, connection)
    acks = _recorder(stores, page, lease, timedelta(0))
    page.fail_look_ups = 1
    await acks.record_missed()
    read = [each.status is MessageStatus.READ for each in await _all(stores, messages)]
    assert sorted(read) == [False, True, True]
    page.fail_look_ups = 1_000
    for _ in range(20):
        await acks.ask_again()
    assert 990 < page.fail_look_ups < 1_000


async def test_a_page_that_could_not_tell_is_left_alone_for_a_while(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    await _sent(stores, page, lease, connection)
    acks = _recorder(stores, page, lease, timedelta(days=1))
    page.fail_look_ups = 5
    await acks.record_missed()
    await acks.ask_again()
    assert page.fail_look_ups == 2


async def test_acks_of_a_page_that_loaded_anew_are_counted_anew(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    messages = await _sent(stores, page, lease, connection)
    keys = [(await stores.outbox.find(OWNER, each.id)).whatsapp_id or "" for each in messages]
    acks = _recorder(stores, page, lease, timedelta(0))
    await acks.record_new("first", [AckUpdate(key=keys[0], ack=2, serial=7)])
    assert (acks.epoch, acks.serial) == ("first", 7)
    await acks.record_new("first", [])
    assert acks.serial == 7
    await acks.record_new("second", [AckUpdate(key=keys[1], ack=2, serial=1)])
    assert (acks.epoch, acks.serial) == ("second", 1)
    statuses = [each.status for each in await _all(stores, messages)]
    assert statuses == [MessageStatus.DELIVERED] * 2 + [MessageStatus.SENT]


def _recorder(stores: Stores, page: FakePage, lease: Lease, every: timedelta) -> AckRecorder:
    return AckRecorder(page, stores.queue, lease, WorkerMetrics(ProcessMetrics()), every)

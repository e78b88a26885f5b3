"""No write of a message's status leads where the table does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from pymongo import WriteConcern

from sessions.common.clock import utc_now
from sessions.common.errors import IllegalMoveError, LeaseLostError, WrongStatusError
from sessions.connections.leases import Lease
from sessions.connections.model import Connection
from sessions.messages.file_tries import FileTries
from sessions.messages.media_fetching import FetchLimits, MediaFetcher
from sessions.messages.model import SUPERSEDED, Ack, Message, MessageStatus, Plan
from sessions.messages.planned import PlannedMessage, PlannedMessages
from sessions.messages.states import MOVES, OF_ACK, Happening
from sessions.network.guarded_client import GuardedClient
from tests.builders import OWNER, PLAIN, TO, Stores
from tests.rings import once
from tests.seen_commands import SeenCommands, noting

if TYPE_CHECKING:
    from sessions.embedded import ServerUris
    from sessions.messages.acceptance import Acceptance
    from sessions.storage.mongo import Database

KEY = f"true_{TO}_ABC"
_WRITES = ("update", "findAndModify", "insert")


@dataclass(frozen=True)
class Case:
    """A message, with what is needed to do something with it."""

    stores: Stores
    connection: Connection
    lease: Lease
    message: Message


Do = Callable[[Case], Awaitable[object]]


@dataclass(frozen=True)
class Write:
    """What writes a status: what happens then, and what the message has beside its status."""

    do: Do
    happenings: tuple[Happening, ...]
    fields: dict[str, Any] = field(default_factory=dict)


def _settles(status: MessageStatus) -> Do:
    return lambda case: case.stores.queue.settle(case.lease, case.message, status)


def _acks(ack: Ack) -> Do:
    return lambda case: case.stores.queue.record_ack(case.lease, KEY, ack)


def _retries(*, unknown_too: bool) -> Do:
    return lambda case: case.stores.outbox.redrive(OWNER, case.message.id, unknown_too=unknown_too)


def _puts_off(case: Case) -> Awaitable[object]:
    return case.stores.queue.put_off(case.lease, case.message, utc_now(), None, counts=False)


def _writes_down(case: Case) -> Awaitable[object]:
    return case.stores.queue.write_down(case.lease, case.message, KEY, TO, new_chat=True)


def _planned(stores: Stores) -> PlannedMessages:
    # Only what accepts new messages needs the rest of it.
    acceptance = cast("Acceptance", SimpleNamespace(texts=PLAIN))
    return PlannedMessages(stores.database, acceptance, stores.events)


def _withdraws(*, opted_out: bool) -> Do:
    return lambda case: _planned(case.stores).withdraw(
        {"_id": case.message.id}, opted_out=opted_out
    )


def _plans_again(case: Case) -> Awaitable[object]:
    wanted = PlannedMessage(case.message.id, TO, "Hello again", PLAN)
    return _planned(case.stores).revise([wanted])


async def _ignore(_: Message) -> None:
    pass


async def _fetches(case: Case) -> None:
    async with GuardedClient(()) as client:
        await MediaFetcher(
            FileTries(case.stores.database, case.stores.events),
            case.stores.media,
            PLAIN,
            client,
            FetchLimits(timedelta(seconds=5), tries=1),
            _ignore,
        ).keep_fetching(once())


_H = Happening
PLAN = Plan(origin="a rule", subject="a record", trigger="before", revision=1)
WRITES = {
    "claim": Write(lambda case: case.stores.queue.claim_next(case.lease), (_H.CLAIMED,)),
    "write down": Write(_writes_down, (_H.KEPT,)),
    "take over": Write(lambda case: case.stores.queue.left_over(case.lease), (_H.KEPT,)),
    "count taking up": Write(
        lambda case: case.stores.queue.count_resumption(case.lease, case.message), (_H.KEPT,)
    ),
    "put back": Write(
        lambda case: case.stores.queue.put_back(case.lease, case.message), (_H.PUT_BACK,)
    ),
    "put off": Write(_puts_off, (_H.PUT_BACK,)),
    "settle sent": Write(_settles(MessageStatus.SENT), (_H.SENT,)),
    "settle failed": Write(_settles(MessageStatus.FAILED), (_H.FAILED,)),
    "settle unknown": Write(_settles(MessageStatus.UNKNOWN), (_H.UNDECIDED,)),
    "settle expired": Write(_settles(MessageStatus.EXPIRED), (_H.EXPIRED_IN_HAND,)),
    **{f"ack {ack}": Write(_acks(ack), (happening,)) for ack, happening in OF_ACK.items()},
    "acks": Write(
        lambda case: case.stores.queue.record_acks(case.lease, {KEY: Ack.DEVICE}),
        (_H.REACHED_DEVICE,),
    ),
    "expire": Write(
        lambda case: case.stores.queue.expire(case.lease),
        (_H.EXPIRED,),
        {"expiresAt": utc_now() - timedelta(hours=1)},
    ),
    "cancel": Write(
        lambda case: case.stores.outbox.cancel(OWNER, case.message.id), (_H.CANCELLED,)
    ),
    "cancel a retry": Write(
        lambda case: case.stores.outbox.cancel(OWNER, case.message.id),
        (_H.RETRY_CANCELLED,),
        {"unknownAt": utc_now()},
    ),
    "cancel all": Write(
        lambda case: case.stores.outbox.cancel_queued(case.connection.id), (_H.CANCELLED,)
    ),
    "abandon": Write(
        lambda case: case.stores.outbox.abandon(case.connection.id),
        (_H.CANCELLED, _H.ABANDONED),
    ),
    "abandon what may be out": Write(
        lambda case: case.stores.outbox.abandon(case.connection.id),
        (_H.CANCELLED, _H.ABANDONED_SENT),
        {"whatsappId": KEY},
    ),
    "withdraw": Write(_withdraws(opted_out=False), (_H.WITHDRAWN,)),
    "withdraw what was claimed": Write(_settles(MessageStatus.CANCELLED), (_H.WITHDRAWN_IN_HAND,)),
    "opt out": Write(_withdraws(opted_out=True), (_H.OPTED_OUT,)),
    "plan again": Write(
        _plans_again,
        (_H.PLANNED_AGAIN,),
        {"plan": PLAN.model_dump(by_alias=True), "reason": SUPERSEDED},
    ),
    # Its content names no file that could be fetched.
    "fetch": Write(
        _fetches,
        (_H.FILE_MISSING,),
        {"fetch": {"nextAt": utc_now() - timedelta(hours=1), "tries": 0}},
    ),
    "retry": Write(_retries(unknown_too=False), (_H.RETRIED,)),
    "retry for certain": Write(_retries(unknown_too=True), (_H.RETRY_CONFIRMED,)),
    "redrive": Write(
        lambda case: case.stores.outbox.redrive_failed(case.connection, None), (_H.REDRIVEN,)
    ),
}


@pytest.fixture
async def seen(
    database: Database, servers: ServerUris
) -> AsyncIterator[tuple[Stores, SeenCommands]]:
    """Give a test stores whose commands are noted."""
    async with noting(database, servers.mongo) as (noted, seen):
        yield Stores(noted), seen


def test_all_that_may_happen_is_tried() -> None:
    assert {each for write in WRITES.values() for each in write.happenings} == set(Happening)


@pytest.mark.parametrize("name", WRITES)
async def test_a_write_leads_where_the_table_leads(
    seen: tuple[Stores, SeenCommands], stores: Stores, name: str
) -> None:
    noted, commands = seen
    write = WRITES[name]
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    messages = stores.database["messages"].with_options(write_concern=WriteConcern(w=1, j=False))
    before = await messages.find_one({}) or {}
    before |= {"generation": lease.generation, "bareId": "ABC", **write.fields}
    led, wanted = {}, {}
    for status in MessageStatus:
        await messages.replace_one({"_id": message.id}, {**before, "status": status})
        with suppress(WrongStatusError, LeaseLostError):
            await write.do(Case(noted, connection, lease, message))
        led[status] = (await stores.outbox.find(OWNER, message.id)).status
        after = [MOVES[each].after for each in write.happenings if status in MOVES[each].before]
        wanted[status] = after[0] if after else status
    assert led == wanted
    assert [each for each in commands.all if _passes_the_table_by(each)] == []


def _passes_the_table_by(command: dict[str, Any]) -> bool:
    """Tell whether a command writes statuses to messages that may be in any other one."""
    if not any(command.get(each) == "messages" for each in _WRITES):
        return False
    changes = command.get("updates", [{"q": command.get("query"), "u": command.get("update")}])
    return any("'status':" in str(each["u"]) and "status" not in each["q"] for each in changes)


async def test_a_message_in_hand_ends_in_no_other_status(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    assert await stores.queue.claim_next(lease)
    for status in (MessageStatus.READ, MessageStatus.DELIVERED, MessageStatus.QUEUED):
        with pytest.raises(IllegalMoveError):
            await stores.queue.settle(lease, message, status)
    assert (await stores.outbox.find(OWNER, message.id)).status is MessageStatus.SENDING

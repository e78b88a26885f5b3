"""Of a person who is erased, and of a connection that is deleted, no received message is left."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessions.common.clock import utc_now
from sessions.conversations.seen import Response, Sighting
from sessions.deletion.recipients import DeletedData, Erasures
from sessions.messages.responses import Vote
from sessions.storage.mongo import server_time
from tests.arrivals import FRIEND, after, arrival, new_name, reaction
from tests.builders import OWNER, Stores
from tests.integration.api.test_erasing_recipients import naming, publish

if TYPE_CHECKING:
    from arq.connections import ArqRedis

DIGITS = FRIEND.partition("@")[0]
LID = "71234567890123@lid"
GROUP = "120363000000000000@g.us"
OTHER = "15557654321@c.us"


async def _received(stores: Stores) -> list[dict[str, Any]]:
    return [each async for each in stores.database["receivedMessages"].find(sort=[("_id", 1)])]


async def test_nothing_that_a_person_wrote_or_did_is_left(stores: Stores, redis: ArqRedis) -> None:
    _, lease = await stores.leased()
    from_other = arrival(new_name(OTHER), sender=OTHER, text="stays")
    in_group = arrival(new_name(GROUP, LID), sender=LID, from_number=f"+{DIGITS}")
    mine = arrival(from_number=f"+{DIGITS}")
    arrivals = (mine, in_group, from_other)
    responses = (
        Response(from_other.name, reaction("👍", 1, LID)),
        Response(from_other.name, Vote(sender=FRIEND, options=("yes",), at=after(1))),
        Response(from_other.name, reaction("👍", 1, OTHER)),
    )
    await stores.inbox.record(lease, Sighting(arrivals, responses=responses))
    await publish(stores, redis)
    erased = await Erasures(stores.database, redis, stores.events).erase(OWNER, FRIEND)
    assert erased.received == 2
    left = await naming(stores.database, redis, DIGITS, LID.partition("@")[0])
    assert left == set()
    # A sweep sees the messages again.
    recorded = await stores.inbox.record(lease, Sighting((mine, in_group)))
    assert (recorded.new, recorded.changed) == ((), ())
    (kept,) = [each for each in await _received(stores) if "erased" not in each]
    assert (kept["text"], [each["from"] for each in kept["reactions"]]) == ("stays", [OTHER])
    await publish(stores, redis)
    assert await naming(stores.database, redis, DIGITS) == set()


async def test_the_chats_of_members_stay_when_a_group_is_erased(
    stores: Stores, redis: ArqRedis
) -> None:
    _, lease = await stores.leased()
    in_group = arrival(new_name(GROUP, FRIEND), from_number=f"+{DIGITS}")
    alone = arrival(from_number=f"+{DIGITS}", text="stays")
    await stores.inbox.record(lease, Sighting((in_group, alone)))
    erased = await Erasures(stores.database, redis, stores.events).erase(OWNER, GROUP)
    assert erased.received == 1
    (kept,) = [each for each in await _received(stores) if "erased" not in each]
    assert kept["text"] == "stays"


async def test_only_one_owner_forgets_a_person(stores: Stores, redis: ArqRedis) -> None:
    _, lease = await stores.leased()
    await stores.inbox.record(lease, Sighting((arrival(),)))
    erased = await Erasures(stores.database, redis, stores.events).erase("stranger", FRIEND)
    assert (erased.received, len(await _received(stores))) == (0, 1)


async def test_what_a_deleted_connection_has_received_goes(stores: Stores, redis: ArqRedis) -> None:
    connection, lease = await stores.leased()
    await stores.inbox.record(lease, Sighting((arrival(), arrival())))
    removed = {"_id": connection.id, "removedAt": utc_now() - timedelta(days=1)}
    await stores.database["removedConnections"].insert_one(removed)
    await DeletedData(stores.database, redis).remove(await server_time(stores.database))
    assert await _received(stores) == []

"""Events of a whole system, as somebody sees them who follows from the start."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.event_reader import EventReader, Received
from tests.processes import alive
from tests.stack_client import OUR_PHONE, stack
from tests.waiting import until


async def test_a_connections_life_is_seen_as_events(
    tmp_path: Path, mongo_option: tuple[str, str]
) -> None:
    async with stack("--data", str(tmp_path), *mongo_option, "--env", "LEASE_TTL=5") as system:
        events = system.about["api"] + "/api/whatsapp/events"
        async with system.http.get(events, timeout=None) as response:
            follower = EventReader(response)
            await follower.until_marked()
            await system.create()
            shown = await follower.until("connection.qr")
            assert _states(shown) == ["starting", "awaiting_scan"]
            await system.control("POST", "phones", {"number": OUR_PHONE})
            # Read soon after, a message may be told of as read at once.
            await system.control("PUT", "faults", {"readReceipts": False})
            code = shown[-1].data["code"]
            await system.control("POST", f"phones/{OUR_PHONE}/scan", {"code": code})
            linked = await follower.until("connection.state", state="connected")
            assert linked[-1].data["phoneNumber"] == OUR_PHONE

            message = await system.send("a secret text")
            life = await follower.until("message.status", messageId=message, status="delivered")
            if "queued" not in [each.data.get("status") for each in life]:
                # The API tells of it, a worker of the others: it may come after them.
                life += await follower.until("message.status", messageId=message, status="queued")
            told = [each.data for each in life if each.type == "message.status"]
            assert [each["status"] for each in sorted(told, key=lambda each: each["at"])] == [
                *["queued", "sending", "sent", "delivered"]
            ]
            assert not any("secret" in str(each.data) for each in life)

            os.kill(system.pid("worker-1"), signal.SIGKILL)
            end = await follower.until("connection.state", state="disconnected")
            assert end[-1].data["reason"] == "worker_lost"

            api = system.pid("api")
            os.kill(api, signal.SIGTERM)
            assert await follower.until_ended() == []
            await until(lambda: not alive(api))


def _states(events: list[Received]) -> list[str]:
    """Return the states in the order in which they were reached."""
    told = (each.data["state"] for each in events if each.type == "connection.state")
    return list(dict.fromkeys(told))

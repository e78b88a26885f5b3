"""Each kind of message, and each thing that is done to one, reaches WhatsApp once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack_client import OUR_PHONE, PATIENCE, THEIR_PHONE, StackClient
from tests.waiting import until
from tests.worker_kills import kill_worker

SEND = "/api/whatsapp/send"
MESSAGES = "/api/whatsapp/messages"
LOCATION = {"latitude": 32.0853, "longitude": 34.7818, "name": "Tel Aviv"}
CONTACT = {"name": "Dana Levi", "phone": "+15550001111"}
POLL = {"question": "When?", "options": ["Monday", "Tuesday"], "multiple": True}


async def _send(system: StackClient, **content: object) -> str:
    body = {"connectionId": "main", "to": THEIR_PHONE, **content}
    accepted = await system.post(SEND, body)
    assert accepted["http"] == 202, accepted
    return str(accepted["messageId"])


async def _do(system: StackClient, message_id: str, deed: str, body: object = None) -> str:
    accepted = await system.post(f"{MESSAGES}/{message_id}/{deed}", body)
    assert accepted["http"] == 202, accepted
    return str(accepted["messageId"])


async def _unread(system: StackClient) -> int:
    """Return how many messages of the other phone are unread."""
    listed = await system.get("/api/whatsapp/chats?connectionId=main")
    chats = {each["chatId"]: each["unread"] for each in listed["items"]}
    return int(chats.get(f"{THEIR_PHONE.lstrip('+')}@c.us", 0))


async def _ours(system: StackClient) -> list[dict[str, Any]]:
    return [each for each in await system.ledger() if each["from"] == OUR_PHONE]


@pytest.mark.linked
async def test_each_kind_arrives_and_what_is_done_to_it_is_seen(system: StackClient) -> None:
    await system.control("PUT", "faults", {"pollsArrive": True})
    text = await system.send("frist")
    first = await system.until_message(text, "read")
    kinds = [
        await _send(system, message="a reply", replyTo=text),
        await _send(system, location=LOCATION),
        await _send(system, contact=CONTACT),
        await _send(system, poll=POLL),
    ]
    for each in kinds:
        await system.until_message(each, "read")
    edit = await _do(system, text, "edit", {"message": "first"})
    react = await _do(system, text, "reaction", {"emoji": "👍"})
    revoke = await _do(system, kinds[0], "revoke")
    for each in (edit, react, revoke):
        await system.until_message(each, "sent")
    entries = await _ours(system)
    assert [(each["type"], each["arrivals"]) for each in entries] == [
        ("chat", 1),
        ("chat", 1),
        ("location", 1),
        ("vcard", 1),
        ("poll_creation", 1),
    ]
    assert entries[1]["replyTo"] == first["whatsappId"].split("_")[2]
    assert entries[0]["edited"] == "first"
    assert entries[0]["reactions"] == [{"from": OUR_PHONE, "emoji": "👍"}]
    assert [each["revoked"] for each in entries] == [False, True, False, False, False]
    shown = await system.message(text)
    assert (shown["text"], shown["edited"]) == ("first", True)
    assert [(each["emoji"], each["fromMe"]) for each in shown["reactions"]] == [("👍", True)]
    assert (await system.message(kinds[0]))["revoked"] is True
    views = [await system.message(each) for each in kinds[1:]]
    assert [each["kind"] for each in views] == ["location", "contact", "poll"]
    assert views[0]["location"] == LOCATION


# `tests/integration/browser/test_kinds.py` sends past such a poll.
@pytest.mark.slow
async def test_a_poll_that_whatsapp_never_takes_stops_no_other_message(
    system: StackClient,
) -> None:
    await system.link()
    poll = await _send(system, poll=POLL)
    unknown = await system.until_message(poll, "unknown")
    assert unknown["reason"] == "stored_but_not_acknowledged"
    text = await system.send("after the poll")
    await system.until_message(text, "read")
    assert (await system.status())["state"] == "connected"
    await system.control("PUT", "faults", {"pollsArrive": True})
    await system.until_message(poll, "read")
    assert [each["type"] for each in await _ours(system)] == ["chat", "poll_creation"]


@pytest.mark.linked
async def test_groups_are_listed_and_typing_and_reading_reach_the_page(
    system: StackClient,
) -> None:
    members = [OUR_PHONE, THEIR_PHONE, "+15557654321"]
    for each in members:
        await system.control("POST", "phones", {"number": each})
    group = await system.control(
        "POST", "groups", {"subject": "Team", "members": members, "admins": [THEIR_PHONE]}
    )
    team = await system.until_in_group(group["id"])
    assert (team["subject"], team["size"]) == ("Team", 3)
    people = {each["number"]: each["admin"] for each in team["participants"]}
    assert people == {each: each == THEIR_PHONE for each in members}
    sent = await _send(system, to=team["chatId"], message="hello team")
    await system.until_message(sent, "sent")
    before = await _unread(system)
    await system.control(
        "POST", f"phones/{THEIR_PHONE}/say", {"to": OUR_PHONE, "text": "are you there?"}
    )
    chat = f"/api/whatsapp/chats/{THEIR_PHONE.lstrip('+')}@c.us"

    async def recorded() -> bool:
        return await _unread(system) == before + 1

    await until(recorded, within=PATIENCE)
    typing = await system.post(f"{chat}/typing?connectionId=main", {"seconds": 1})
    assert (typing["http"], typing["shown"]) == (200, True)
    read = await system.post(f"{chat}/read?connectionId=main")
    assert (read["http"], read["unread"]) == (200, 0)

    assert await _unread(system) == 0


@pytest.mark.linked
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "kind",
    [
        "edit",
        # `test_media.py` kills in the middle of a message that is sent, and has a file.
        pytest.param("reply", marks=pytest.mark.slow),
        # The page knows these by the same means.
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("location", "contact", "poll", "reaction", "revoke")
        ),
    ],
)
async def test_a_worker_that_is_killed_in_the_middle_does_each_kind_once(
    system: StackClient, kind: str
) -> None:
    await system.control("PUT", "faults", {"pollsArrive": True})
    text = await system.send("frist")
    await system.until_message(text, "read")
    await system.until_login_is_on_disk()
    await system.control("PUT", "faults", {"sendDelayMs": 1500, "ackDelayMs": 1500})
    deeds = {"edit": {"message": "first"}, "reaction": {"emoji": "👍"}, "revoke": None}
    if kind in deeds:
        asked = await _do(system, text, kind, deeds[kind])
    else:
        contents: dict[str, dict[str, object]] = {
            "reply": {"message": "a reply", "replyTo": text},
            "location": {"location": LOCATION},
            "contact": {"contact": CONTACT},
            "poll": {"poll": POLL},
        }
        asked = await _send(system, **contents[kind])

    async def in_the_page() -> bool:
        return "whatsappId" in await system.message(asked)

    await until(in_the_page, within=PATIENCE)
    await kill_worker(system, lose_disk=False, browsers_too=True)
    await system.control("PUT", "faults", {"sendDelayMs": 0, "ackDelayMs": 0})
    await system.until_message(asked, "sent" if kind in deeds else "read")
    entries = await _ours(system)
    assert len(entries) == (1 if kind in deeds else 2)
    assert entries[0]["edited"] == ("first" if kind == "edit" else None)
    assert len(entries[0]["reactions"]) == (kind == "reaction")
    assert entries[0]["revoked"] is (kind == "revoke")

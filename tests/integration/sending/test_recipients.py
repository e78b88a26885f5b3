"""To which chat a message goes, and what becomes of those that have none."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatgrow_worker.page.errors import PageCallError
from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.connections.pacing import Pacing
from sessions.messages.model import CHECKING_NUMBER, Draft, Message, MessageStatus
from sessions.recipients.known_numbers import KnownNumbers
from tests.builders import OWNER, TO, Stores
from tests.dispatching import LONG, dispatch_limits, dispatching, make_dispatcher, reaches
from tests.fake_page import FakePage
from tests.waiting import until

SPELLINGS = [
    pytest.param("5511987654321@c.us", "551187654321@c.us", id="Brazil, without the ninth digit"),
    pytest.param("551187654321@c.us", "5511987654321@c.us", id="Brazil, with the ninth digit"),
    pytest.param("525512345678@c.us", "5215512345678@c.us", id="Mexico"),
    pytest.param("541112345678@c.us", "5491112345678@c.us", id="Argentina"),
]
ASKED, ACCOUNT = "5511987654321@c.us", "551187654321@c.us"
GROUP = "120363000000000001@g.us"


async def _unpaced(stores: Stores, **pacing: Any) -> None:
    connection = await stores.connections.find(OWNER, "main")
    limits = Pacing(jitter_seconds=(0, 0), typing=False, **pacing)
    await stores.connections.change(connection, {"pacing": limits.model_dump(by_alias=True)})


async def _now(stores: Stores, message: Message) -> Message:
    return await stores.outbox.find(OWNER, message.id)


START = datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize(("asked", "account"), SPELLINGS)
async def test_a_message_goes_to_the_id_that_whatsapp_answers(
    stores: Stores, asked: str, account: str
) -> None:
    connection, lease = await stores.leased()
    page = FakePage(accounts={asked: account})
    stores.events.take()
    message = await stores.message(connection, to=asked)
    async with dispatching(stores, page, lease):
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert (sent.to, sent.chat_id) == (asked, account)
    assert sent.whatsapp_id == page.delivered[0][0]
    assert account in str(sent.whatsapp_id)
    assert page.lost == []
    told = [json.loads(each.data) for each in stores.events.take()]
    ids = [(each["to"], each.get("chatId")) for each in told if "messageId" in each]
    assert ids == [(asked, None), (asked, None), (asked, account)]


async def test_what_follows_goes_to_the_answered_id_too(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage(accounts={ASKED: ACCOUNT})
    messages = [await stores.message(connection, f"text {n}", to=ASKED) for n in range(3)]
    async with dispatching(stores, page, lease):
        await reaches(stores, messages[-1], MessageStatus.SENT)
    assert page.lost == []
    assert {(await _now(stores, each)).chat_id for each in messages} == {ACCOUNT}


async def test_after_a_crash_it_goes_on_in_the_chat_that_was_written_down(stores: Stores) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection, to=ASKED)
    page = FakePage(accounts={ASKED: ACCOUNT})
    assert await stores.queue.claim_next(lease)
    key = await page.prepare(ACCOUNT)
    await stores.queue.write_down(lease, message, key, ACCOUNT, new_chat=True)
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)
    assert (page.delivered, page.lost) == ([(key, message.text)], [])


async def test_a_record_of_an_earlier_version_without_a_chat_id_goes_on(
    stores: Stores, database: Any
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    page = FakePage()
    assert await stores.queue.claim_next(lease)
    key = await page.prepare(message.to)
    await stores.queue.write_down(lease, message, key, message.to, new_chat=False)
    await database["messages"].update_one({"_id": message.id}, {"$unset": {"chatId": ""}})
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.SENT)
    assert page.delivered == [(key, message.text)]
    following = await stores.message(connection)
    async with dispatching(stores, page, lease):
        await reaches(stores, following, MessageStatus.SENT)
    assert await database["messages"].count_documents({"newChat": True}) == 0, "it was known"


async def test_two_spellings_of_one_account_are_one_chat(stores: Stores, database: Any) -> None:
    connection, lease = await stores.leased()
    await _unpaced(stores, new_chats_per_day=1)
    page = FakePage(accounts={ASKED: ACCOUNT})
    first = await stores.message(connection, "first", to=ASKED)
    async with dispatching(stores, page, lease):
        await reaches(stores, first, MessageStatus.SENT)
        second = await stores.message(connection, "second", to=ACCOUNT)
        third = await stores.message(connection, "third", to=ASKED)
        await reaches(stores, second, MessageStatus.SENT)
        await reaches(stores, third, MessageStatus.SENT)
    assert await database["messages"].count_documents({"newChat": True}) == 1


@pytest.mark.parametrize("account", [ACCOUNT, "5521987654321@c.us"])
async def test_what_may_be_another_spelling_is_whatsapps_to_judge(
    stores: Stores, account: str
) -> None:
    """The allowance is used up: only a chat that is known may be written to."""
    connection, lease = await stores.leased()
    await _unpaced(stores, new_chats_per_day=1)
    page = FakePage(accounts={ASKED: account})
    known = await stores.message(connection, "known", to=ACCOUNT)
    alike = await stores.message(connection, "alike", to=ASKED)
    other = await stores.message(connection, "other")

    async def put_off() -> bool:
        return (await _now(stores, other)).reason == "new_chats_limited"

    async with dispatching(stores, page, lease):
        await until(put_off)
        await reaches(stores, known, MessageStatus.SENT)
        if account == ACCOUNT:
            await reaches(stores, alike, MessageStatus.SENT)
    if account != ACCOUNT:
        waits = await _now(stores, alike)
        assert (waits.reason, waits.attempts) == ("new_chats_limited", 0)
        assert [text for _, text in page.delivered] == ["known"]


async def test_a_number_that_turns_out_to_be_a_known_chat_takes_no_allowance(
    stores: Stores, database: Any
) -> None:
    connection, lease = await stores.leased()
    await _unpaced(stores, new_chats_per_day=2)
    page = FakePage(accounts={ASKED: ACCOUNT})
    messages = [await stores.message(connection, "text", to=to) for to in (ACCOUNT, ASKED, TO)]
    async with dispatching(stores, page, lease):
        for message in messages:
            await reaches(stores, message, MessageStatus.SENT)
    new = database["messages"].find({"newChat": True}, sort=[("seq", 1)])
    assert [each["to"] async for each in new] == [ACCOUNT, TO]


async def test_thirty_dead_numbers_hold_nobody_up(stores: Stores) -> None:
    connection, lease = await stores.leased()
    dead = [f"9725000000{n:02}@c.us" for n in range(30)]
    page = FakePage(registered=lambda chat_id: chat_id not in dead)
    for to in dead:
        await stores.message(connection, "in vain", to=to)
    real = await stores.message(connection, "real")
    limits = dispatch_limits(number_recheck=LONG)
    async with dispatching(stores, page, lease, limits):
        await reaches(stores, real, MessageStatus.SENT)
        waiting = await stores.database["messages"].count_documents(
            {"status": "queued", "reason": "checking_number"}
        )
    assert waiting == 30, "each is asked about once more, later"


async def test_dead_numbers_fail_after_the_second_look_and_are_remembered(stores: Stores) -> None:
    connection, lease = await stores.leased()
    looks: list[str] = []

    def nobody(chat_id: str) -> bool:
        looks.append(chat_id)
        return False

    first = await stores.message(connection)
    page = FakePage(registered=nobody)
    async with dispatching(stores, page, lease):
        failed = await reaches(stores, first, MessageStatus.FAILED)
        again = await reaches(stores, await stores.message(connection), MessageStatus.FAILED)
    assert {failed.reason, again.reason} == {"not_on_whatsapp"}
    assert looks == [TO, TO]


async def test_a_retry_asks_about_a_denied_number_anew(stores: Stores) -> None:
    connection, lease = await stores.leased()
    there: set[str] = set()
    page = FakePage(registered=there.__contains__)
    messages = [await stores.message(connection, "one"), await stores.message(connection, "two")]
    async with dispatching(stores, page, lease):
        for message in messages:
            await reaches(stores, message, MessageStatus.FAILED)
        there.add(TO)
        await stores.outbox.redrive(OWNER, messages[0].id, unknown_too=False)
        await reaches(stores, messages[0], MessageStatus.SENT)
        await KnownNumbers(stores.database).of(OWNER).remember(TO, None)
        await stores.outbox.redrive_failed(connection, "not_on_whatsapp")
        await reaches(stores, messages[1], MessageStatus.SENT)


async def test_a_number_that_is_denied_to_one_owner_is_not_denied_to_another(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    theirs, their_lease = await stores.leased(owner="dana")
    denied = await stores.message(connection)
    async with dispatching(stores, FakePage(registered=lambda _chat: False), lease):
        await reaches(stores, denied, MessageStatus.FAILED)
    message = await stores.message(theirs)
    async with dispatching(stores, FakePage(), their_lease, owner="dana"):
        await reaches(stores, message, MessageStatus.SENT)


async def test_what_is_remembered_costs_no_pace_and_what_was_asked_does(stores: Stores) -> None:
    connection, lease = await stores.leased()
    await KnownNumbers(stores.database).of(OWNER).remember(TO, None)

    async def counted() -> bool:
        return bool(await stores.queue.paced_since(connection.id, START))

    page = FakePage(registered=lambda _chat: False)
    remembered = await stores.message(connection)
    async with dispatching(stores, page, lease):
        await reaches(stores, remembered, MessageStatus.FAILED)
        assert await stores.queue.paced_since(connection.id, START) == []
        asked = await stores.message(connection, to=ASKED)
        await until(counted)
        await reaches(stores, asked, MessageStatus.FAILED)


async def test_messages_to_one_doubtful_number_keep_their_order(stores: Stores) -> None:
    connection, lease = await stores.leased()
    there: set[str] = set()
    page = FakePage(registered=there.__contains__)
    limits = dispatch_limits(number_recheck=LONG)
    first = await stores.message(connection, "first")

    async def waits() -> bool:
        return (await _now(stores, first)).reason == "checking_number"

    async with dispatching(stores, page, lease, limits):
        await until(waits)
        # Somebody asks through the API meanwhile, and WhatsApp knows the number.
        there.add(TO)
        await KnownNumbers(stores.database).of(OWNER).remember(TO, TO)
        second = await stores.message(connection, "second")
        await reaches(stores, second, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["first", "second"]


async def test_a_message_that_waits_for_its_number_expires_in_time(stores: Stores) -> None:
    connection, lease = await stores.leased()
    soon = utc_now() + timedelta(seconds=1)
    draft = Draft(id=new_id(), to=TO, text="code", expires_at=soon)
    (message,) = await stores.add(connection, [draft])
    page = FakePage(registered=lambda _chat: False)
    async with dispatching(stores, page, lease, dispatch_limits(number_recheck=LONG)):
        await reaches(stores, message, MessageStatus.EXPIRED)


async def test_one_that_has_expired_in_front_is_not_waited_for(stores: Stores) -> None:
    connection, lease = await stores.leased()
    there: set[str] = set()
    page = FakePage(registered=there.__contains__)
    limits = dispatch_limits(number_recheck=timedelta(seconds=1))
    soon = utc_now() + timedelta(milliseconds=900)
    draft = Draft(id=new_id(), to=TO, text="late", expires_at=soon)
    (late,) = await stores.add(connection, [draft])
    behind = await stores.message(connection, "behind")

    async def waits() -> bool:
        return (await _now(stores, behind)).reason == "checking_number"

    # What has expired is not recorded as such before the test is over.
    dispatcher = make_dispatcher(stores, page, lease, limits, look_every=LONG)
    stop = asyncio.Event()
    task = asyncio.create_task(dispatcher.run(asyncio.Event(), stop))
    await until(waits)
    there.add(TO)
    sent = await reaches(stores, behind, MessageStatus.SENT)
    stop.set()
    await task
    assert sent.attempts == 2
    assert (await _now(stores, late)).status is not MessageStatus.SENT


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("not_member", "not_in_group"),
        ("terminated", "group_gone"),
        ("terminated_local", "group_gone"),
    ],
)
async def test_a_group_that_cannot_be_written_to_fails_at_once(
    stores: Stores, code: str, reason: str
) -> None:
    connection, lease = await stores.leased()
    page = FakePage(errors={GROUP: PageCallError("Error", code, "no")})
    lost = await stores.message(connection, "to the group", to=GROUP)
    real = await stores.message(connection, "real")
    async with dispatching(stores, page, lease):
        await reaches(stores, real, MessageStatus.SENT)
    failed = await _now(stores, lost)
    assert (failed.status, failed.reason, failed.attempts) == (MessageStatus.FAILED, reason, 1)


@pytest.mark.parametrize(("code", "reason"), [(403, "not_in_group"), (404, "group_gone")])
async def test_a_group_that_refuses_a_send_fails_with_its_reason(
    stores: Stores, code: int, reason: str
) -> None:
    connection, lease = await stores.leased()
    message = await stores.message(connection, to=GROUP)
    async with dispatching(stores, FakePage(nack=code), lease):
        failed = await reaches(stores, message, MessageStatus.FAILED)
    assert failed.reason == reason


async def test_a_restricted_chat_fails_with_its_reason_and_the_queue_goes_on(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    page = FakePage(restricted=ASKED)
    refused = await stores.message(connection, "no", to=ASKED)
    real = await stores.message(connection, "real")
    async with dispatching(stores, page, lease):
        await reaches(stores, real, MessageStatus.SENT)
    failed = await _now(stores, refused)
    assert (failed.reason, failed.attempts) == ("chat_restricted", 1)
    _, paused = await stores.connections.pace_of(connection.id)
    assert paused is None


async def test_a_number_without_a_hidden_id_is_not_on_whatsapp(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage(errors={ASKED: PageCallError("Error", None, "No LID for user")})
    hopeless = await stores.message(connection, "no", to=ASKED)
    real = await stores.message(connection, "real")
    async with dispatching(stores, page, lease):
        await reaches(stores, real, MessageStatus.SENT)
        failed = await reaches(stores, hopeless, MessageStatus.FAILED)
    assert failed.reason == "not_on_whatsapp"


async def test_a_page_that_lacks_a_hidden_id_does_not_deny_the_number_to_others(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    limits = dispatch_limits(number_recheck=timedelta(milliseconds=300))
    numbers = KnownNumbers(stores.database).of(OWNER)
    await numbers.remember(ASKED, ASKED)

    async def waits() -> bool:
        return (await _now(stores, message)).reason == "checking_number"

    for _ in range(2):  # each page lacks it until it has asked for the number itself
        page = FakePage(errors={ASKED: PageCallError("Error", None, "No LID for user")})
        message = await stores.message(connection, to=ASKED)
        async with dispatching(stores, page, lease, limits):
            await until(waits)
            page.errors.clear()
            await reaches(stores, message, MessageStatus.SENT)
    hopeless = FakePage(errors={ASKED: PageCallError("Error", None, "No LID for user")})
    failing = await stores.message(connection, to=ASKED)
    async with dispatching(stores, hopeless, lease):
        await reaches(stores, failing, MessageStatus.FAILED)
    assert (await numbers.find(ASKED)).exists is not False


async def test_a_chat_that_cannot_be_made_is_tried_again_while_others_pass(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    error = PageCallError("Error", None, "Lid is missing in chat table")
    page = FakePage(errors={ASKED: error})
    first = await stores.message(connection, "first", to=ASKED)
    second = await stores.message(connection, "second", to=ASKED)
    real = await stores.message(connection, "real")
    async with dispatching(stores, page, lease):
        await reaches(stores, real, MessageStatus.SENT)
        del page.errors[ASKED]
        await reaches(stores, second, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["real", "first", "second"]
    page.errors[ASKED] = error
    hopeless = await stores.message(connection, "hopeless", to=ASKED)
    async with dispatching(stores, page, lease, dispatch_limits(tries=2)):
        failed = await reaches(stores, hopeless, MessageStatus.FAILED)
    assert (failed.reason, failed.attempts) == ("chat_not_ready", 2)
    assert (await _now(stores, first)).status is MessageStatus.SENT


@pytest.mark.parametrize("reason", ["chat_not_ready", CHECKING_NUMBER])
async def test_one_that_has_an_id_waits_behind_one_that_was_put_off_and_that_is_no_try(
    stores: Stores, reason: str
) -> None:
    connection, lease = await stores.leased()
    page = FakePage()
    first = await stores.message(connection, "first")
    second = await stores.message(connection, "second")
    assert await stores.queue.claim_next(lease)
    soon = utc_now() + timedelta(seconds=1)
    await stores.queue.put_off(lease, first, soon, reason, counts=False)
    assert await stores.queue.claim_next(lease)
    key = await page.prepare(TO)
    await stores.queue.write_down(lease, second, key, TO, new_chat=False)
    await stores.queue.put_back(lease, second, uncounted=True)
    async with dispatching(stores, page, lease):
        sent = await reaches(stores, second, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["first", "second"]
    assert sent.attempts == 1


async def test_too_many_checks_pause_the_connection(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage(errors={TO: PageCallError("ServerStatusCodeError", None, "overlimit", 429)})
    message = await stores.message(connection)

    async def paused() -> bool:
        return (await stores.connections.pace_of(connection.id))[1] is not None

    async with dispatching(stores, page, lease, ban_pause=timedelta(hours=1)):
        await until(paused)
    _, pause = await stores.connections.pace_of(connection.id)
    assert pause is not None
    assert pause.reason == "rate_limited_by_whatsapp"
    assert (await _now(stores, message)).status is MessageStatus.QUEUED


@pytest.mark.parametrize("how", ["hangs", "throws"])
async def test_typing_that_does_not_work_costs_nothing(stores: Stores, how: str) -> None:
    connection, lease = await stores.leased()
    pacing = Pacing(jitter_seconds=(0, 0))
    await stores.connections.change(connection, {"pacing": pacing.model_dump(by_alias=True)})
    page = FakePage()
    if how == "throws":
        page.typing_fails = PageCallError("Error", None, "no accountLid")
    message = await stores.message(connection, "x" * 5000)
    async with dispatching(stores, page, lease):
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert (len(page.typed), sent.attempts) == (1, 1)


async def test_a_message_that_expires_while_somebody_types_is_not_sent(stores: Stores) -> None:
    connection, lease = await stores.leased()
    pacing = Pacing(jitter_seconds=(0, 0))
    await stores.connections.change(connection, {"pacing": pacing.model_dump(by_alias=True)})
    soon = utc_now() + timedelta(seconds=1)
    draft = Draft(id=new_id(), to=TO, text="x" * 50, expires_at=soon)
    (message,) = await stores.add(connection, [draft])
    page = FakePage(typing_shows=True)
    async with dispatching(stores, page, lease):
        await reaches(stores, message, MessageStatus.EXPIRED)
    assert (len(page.typed), page.delivered) == (1, [])


async def test_a_stop_while_somebody_types_sends_nothing_more(stores: Stores) -> None:
    connection, lease = await stores.leased()
    pacing = Pacing(jitter_seconds=(0, 0))
    await stores.connections.change(connection, {"pacing": pacing.model_dump(by_alias=True)})
    message = await stores.message(connection, "x" * 5000)
    page, stop = FakePage(typing_shows=True), asyncio.Event()
    running = asyncio.create_task(make_dispatcher(stores, page, lease).run(asyncio.Event(), stop))
    await until(lambda: bool(page.typed))
    stop.set()
    await running
    put_back = await _now(stores, message)
    assert (put_back.status, page.delivered) == (MessageStatus.QUEUED, [])
    page.typing_shows = False
    async with dispatching(stores, page, lease):
        sent = await reaches(stores, message, MessageStatus.SENT)
    assert sent.whatsapp_id == put_back.whatsapp_id == page.delivered[0][0]

"""Each kind of message, and what is done to messages, on the simulated page."""

from __future__ import annotations

from datetime import timedelta

from sessions.messages.content import Contact, Edit, Location, Poll, Reaction, Revoke, Text
from tests.integration.browser.launching import PHONE, THEM
from tests.integration.browser.one_page import OnePage
from tests.waiting import until


async def test_each_kind_arrives_as_what_it_is(one: OnePage) -> None:
    theirs = await one.says("which one?")
    own = await one.send(Text(text="a text"))
    await one.send(Text(text="an answer to them"), theirs)
    await one.send(Text(text="an answer to us"), own)
    await one.send(Location(latitude=32.5, longitude=34.75, name="The office"))
    await one.send(Contact(name="Dana Levi", phone="+15550001111"), theirs)
    entries = [each for each in await one.ledger() if each["from"] == PHONE]
    assert [(each["type"], each.get("replyTo")) for each in entries] == [
        ("chat", None),
        ("chat", theirs.rpartition("_")[2]),
        ("chat", own.rpartition("_")[2]),
        ("location", None),
        ("vcard", theirs.rpartition("_")[2]),
    ]
    card = entries[-1]["text"]
    assert "FN:Dana Levi" in card
    assert "waid=15550001111" in card
    assert [each["arrivals"] for each in entries] == [1] * 5


async def test_a_reply_to_a_message_that_the_page_lacks_is_refused(one: OnePage) -> None:
    missing = f"false_{THEM}_3EB000000000000000"
    assert await one.refused(Text(text="to nothing"), missing) == "message_not_in_page"
    assert await one.ledger() == []


async def test_a_poll_stays_pending_until_whatsapp_takes_it(one: OnePage) -> None:
    poll = Poll(question="When?", options=("Monday", "Tuesday"))
    key = await one.begin(poll)

    async def kept() -> bool:
        return (await one.page.look_up(key, THEM)).found

    await until(kept)
    assert (await one.page.outcome(key)).state == "pending"
    await one.send(Text(text="after the poll"))
    assert [each["type"] for each in await one.ledger()] == ["chat"]
    await one.control("PUT", "faults", pollsArrive=True)
    assert (await one.outcome(key)).went_well
    many = await one.begin(Poll(question="Which?", options=("a", "b"), multiple=True))
    assert (await one.outcome(many)).went_well
    counts = [
        await one.evaluate(
            "(key) => WPP.chat.getMessageById(key).then((m) => m.pollSelectableOptionsCount)", each
        )
        for each in (key, many)
    ]
    assert counts == [1, 0]


async def test_reactions_stand_change_and_are_taken_back(one: OnePage) -> None:
    theirs, ours = await one.says("good?"), await one.send(Text(text="good!"))
    for emoji in ("👍", "❤️", None, None, "👩🏽‍💻"):
        for key in (theirs, ours):
            done = await one.begin(Reaction(emoji=emoji), key)
            outcome = await one.outcome(done)
            assert outcome.went_well, outcome
            if emoji is not None:
                assert outcome.by == PHONE.lstrip("+") + "@c.us"
        shown = [each["reactions"] for each in await one.ledger()]
        expected = [] if emoji is None else [{"from": PHONE, "emoji": emoji}]
        assert shown == [expected] * 2


async def test_a_reaction_that_whatsapp_has_not_is_sent_again_although_the_page_has_it(
    one: OnePage,
) -> None:
    own = await one.send(Text(text="good!"))
    for emoji in ("👍", None):

        async def held() -> bool:
            return bool(await one.control("GET", "held"))

        async def given_up() -> bool:
            return not await held()

        await one.control("PUT", "faults", pendingOnly=True)
        await one.begin(Reaction(emoji=emoji), own)
        await until(held)
        await one.load_anew()  # as after a crash
        await until(given_up)
        await one.control("PUT", "faults", pendingOnly=False, serverErrorRate=1)
        outcome = await one.outcome(await one.begin(Reaction(emoji=emoji), own))
        assert outcome.error is not None, "not sent again"
        await one.control("PUT", "faults", serverErrorRate=0)
        await one.send(Reaction(emoji=emoji), own)
        [entry] = await one.ledger()
        assert entry["reactions"] == ([] if emoji is None else [{"from": PHONE, "emoji": emoji}])


async def test_typing_that_was_begun_is_over_when_the_page_loads_anew(one: OnePage) -> None:
    span = timedelta(seconds=1)
    await one.page.prepare(THEM, span)
    await one.control("PUT", "faults", presenceHang=True)
    await one.load_anew()
    assert await one.page.show_typing(THEM, span) is False


async def test_an_edit_is_asked_for_verified_and_repeated_under_its_id(one: OnePage) -> None:
    own, theirs = await one.send(Text(text="frist")), await one.says("mine")
    key = await one.send(Edit(text="first"), own)
    await one.page.send(key, THEM, Edit(text="first"), own)  # as after a crash
    assert (await one.outcome(key)).went_well
    place = await one.send(Location(latitude=1.5, longitude=2.5))
    assert await one.refused(Edit(text="no"), theirs) == "not_editable"
    assert await one.refused(Edit(text="no"), place) == "not_editable"
    await one.evaluate(
        "(key) => WPP.chat.getMessageById(key).then((m) => m.set({t: m.t - 1300}))", own
    )
    assert await one.refused(Edit(text="too late"), own) == "edit_window_over"
    entry = (await one.ledger())[0]
    assert (entry["text"], entry["edited"]) == ("frist", "first")


async def test_a_revocation_is_seen_although_the_message_has_a_new_key(one: OnePage) -> None:
    own, theirs = await one.send(Text(text="a mistake")), await one.says("mine")
    key = await one.send(Revoke(), own)
    await one.page.send(key, THEM, Revoke(), own)
    assert (await one.outcome(key)).went_well
    again = await one.begin(Revoke(), own)  # as asked by a worker that knows nothing of the first
    assert (await one.outcome(again)).went_well
    assert await one.refused(Reaction(emoji="👍"), own) == "message_not_in_page"
    assert await one.refused(Revoke(), theirs) == "not_revocable"
    entries = await one.ledger()
    assert [each["revoked"] for each in entries] == [True, False]


async def test_what_whatsapp_does_not_take_is_not_taken_for_done(one: OnePage) -> None:
    own = await one.send(Text(text="stays"))
    await one.control("PUT", "faults", serverErrorRate=1, serverErrorCode=500)
    assert await one.refused(Edit(text="changed"), own) == "refused_by_whatsapp"
    outcome = await one.outcome(await one.begin(Reaction(emoji="👍"), own))
    assert outcome.error is not None
    assert "Reaction send error" in outcome.error.message
    assert await one.refused(Revoke(), own) == "not_confirmed"
    (entry,) = await one.ledger()
    assert (entry["edited"], entry["reactions"], entry["revoked"]) == (None, [], False)

"""Tables are stored in batches, and each line as if it had come alone."""

from __future__ import annotations

from business.csv_files import Flaw
from business.model import Agreement, Language, Purpose, SubscriberStatus
from tests.builders import OWNER
from tests.integration.business.conftest import PHONE, Shop


def table(*lines: str) -> bytes:
    return "\n".join(lines).encode()


async def test_more_lines_than_a_batch_are_stored_and_repeated_without_a_change(
    shop: Shop,
) -> None:
    lines = [f"Somebody {number},+97254{number:07d},a;b" for number in range(450)]
    content = table("name,phone,tags", *lines)
    first = await shop.business.imports.customers(OWNER, content)
    assert (first.created, first.updated, first.refused) == (450, 0, [])
    stored = await shop.business.stores.customers.all(OWNER, {})
    assert {each.name for each in stored} == {f"Somebody {number}" for number in range(450)}
    assert {each.tags for each in stored} == {("a", "b")}
    again = await shop.business.imports.customers(OWNER, content)
    assert (again.created, again.updated) == (0, 450)
    assert await shop.business.stores.customers.all(OWNER, {}) == stored


async def test_the_last_line_of_a_number_counts_and_what_it_leaves_out_stays(shop: Shop) -> None:
    lines = (f"Dana,{PHONE},en", f"Dana Levi,{PHONE},", "Avi,+972549876543,")
    report = await shop.business.imports.customers(OWNER, table("name,phone,language", *lines))
    assert (report.created, report.updated) == (2, 1)
    (dana,) = await shop.business.stores.customers.all(OWNER, {"phone": PHONE})
    assert (dana.name, dana.language) == ("Dana Levi", Language.EN)


async def test_cells_are_stored_as_the_api_takes_them(shop: Shop) -> None:
    lines = (f'"Dana\nLevi\x07","{PHONE}",vip,"a\nb"', f"Avi,+972549876543,{'t' * 51},")
    report = await shop.business.imports.customers(OWNER, table("name,phone,tags,notes", *lines))
    # Dana begins on line 2 and goes over three, as two of her cells have a line break.
    assert [(each.line, each.flaw) for each in report.refused] == [(5, Flaw.TOO_LONG)]
    (dana,) = await shop.business.stores.customers.all(OWNER, {})
    assert (dana.name, dana.tags, dana.notes) == ("Dana Levi", ("vip",), "a\nb")


async def test_a_cell_that_shows_nothing_is_empty_and_controls_are_no_text(shop: Shop) -> None:
    lines = (f"\u200b\u2066,{PHONE},\u2060,\u00ad", "Avi,+972549876543,\u200b;vip,one\x07\ttwo")
    report = await shop.business.imports.customers(OWNER, table("name,phone,tags,notes", *lines))
    assert (report.created, report.refused) == (2, [])
    found = await shop.business.stores.customers.all(OWNER, {})
    kept = {each.phone: (each.name, each.tags, each.notes) for each in found}
    assert kept[PHONE] == ("", (), "")
    assert kept["+972549876543"] == ("Avi", ("vip",), "one \ttwo")


async def test_messages_that_wait_are_written_anew(shop: Shop) -> None:
    await shop.automation()
    await shop.book(await shop.customer(name="Dana"))
    await shop.business.imports.customers(OWNER, table("name,phone", f"Dorit,{PHONE}"))
    (message,) = await shop.messages()
    assert "Dorit" in str(message.text)


async def test_a_number_that_is_being_erased_is_refused(shop: Shop) -> None:
    customer = await shop.customer()
    erasing = {"$set": {"erasing": True}}
    customers = shop.business.stores.customers
    await customers.collection.update_one({"_id": customer.id}, erasing)
    report = await shop.business.imports.customers(OWNER, table("name,phone", f"Dorit,{PHONE}"))
    assert (report.created, report.updated) == (0, 0)
    assert [each.line for each in report.refused] == [2]
    (left,) = await customers.all(OWNER, {})
    assert left.name == customer.name


async def test_subscribers_agree_by_being_on_the_list_unless_they_have_refused(
    shop: Shop,
) -> None:
    consents, marketing = shop.business.consents, Purpose.MARKETING
    await consents.record(OWNER, "+972549876543", {marketing: Agreement.OUT}, "reply", shop.clock())
    await shop.customer("+972551234567")
    await consents.of(OWNER, "+972551234567", shop.clock())  # it has said nothing yet
    numbers = (PHONE, "+972549876543", "+972551234567")
    content = table("phone,name", *(f"{number},Somebody" for number in numbers))
    report = await shop.business.imports.subscribers(OWNER, content)
    assert report.created == 3
    stored = await shop.business.stores.subscribers.all(OWNER, {})
    assert {each.phone: str(each.status) for each in stored} == {
        PHONE: "subscribed",
        "+972549876543": "unsubscribed",
        "+972551234567": "subscribed",
    }
    said = {
        each: (await consents.of(OWNER, each, shop.clock())).state(marketing) for each in numbers
    }
    assert list(said.values()) == [Agreement.IN, Agreement.OUT, Agreement.IN]
    kept = await consents.of(OWNER, PHONE, shop.clock())
    assert [each["how"] for each in kept.history] == ["import"]


async def test_a_list_that_no_campaign_could_name_is_refused(shop: Shop) -> None:
    content = table("phone,list", f'{PHONE},"a,b"', "+972549876543,vip")
    report = await shop.business.imports.subscribers(OWNER, content)
    assert (report.created, [each.line for each in report.refused]) == (1, [2])


async def test_who_has_left_a_list_is_not_brought_back_by_a_table(shop: Shop) -> None:
    subscriber = await shop.subscriber(name="Dana")
    gone = {"status": SubscriberStatus.UNSUBSCRIBED}
    await shop.business.subscribers.change(subscriber, gone)
    report = await shop.business.imports.subscribers(OWNER, table("phone,name", f"{PHONE},Dorit"))
    assert (report.created, report.updated) == (0, 1)
    (found,) = await shop.business.stores.subscribers.all(OWNER, {})
    assert (found.name, found.status) == ("Dorit", SubscriberStatus.UNSUBSCRIBED)

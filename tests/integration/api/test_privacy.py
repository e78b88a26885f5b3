"""What a send must not do besides: fetch previews, alert people."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Playwright

from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.temporary import own_temporary_folder
from chatgrow_worker.page.whatsapp_page import WhatsAppPage
from sessions.messages.content import Text
from tests.integration.browser.launching import CONNECTION, PHONE, link, make_launcher
from tests.integration.whatsapp_web_driver import Tab, small_world
from tests.waiting import until

FRIEND = "+15551234567"
FRIENDS_CHAT = "15551234567@c.us"
OUR_CHAT = f"{PHONE[1:]}@c.us"
LINK = "see https://example.com/offer"
ACK_OF_HELLO = "WPP.whatsapp.MsgStore.findFirst((msg) => msg.body === 'hello').ack"
INBOUND = """
WPP.whatsapp.MsgStore.filter((msg) => !msg.id.fromMe).map((msg) => ({
  body: msg.body,
  preview: msg.canonicalUrl ?? msg.title ?? null,
  mentions: (msg.mentionedJidList ?? []).map(String),
}))
"""


async def test_a_send_does_nothing_but_send_and_mark_the_chat_read(
    tmp_path: Path, playwright: Playwright
) -> None:
    root = tmp_path / "profiles"
    root.mkdir()
    async with small_world(tmp_path, playwright) as world:
        members = [PHONE, FRIEND]
        room = await world.hand.good("POST", "/control/groups", subject="We", members=members)
        # The simulated phone reads for its owner otherwise.
        await world.hand.faults(number=FRIEND, readReceipts=False)
        with own_temporary_folder(root) as temporary:
            driver = Driver(temporary)
            launcher = make_launcher(driver, world.web.url, root)
            async with world.linked(FRIEND) as friend, launcher.open(CONNECTION) as browser:
                await link(browser.page, world.web)
                await _says_hello(friend, browser.page)
                about = await world.hand.good("PUT", f"/control/numbers/{FRIEND}")
                mention = f"@all @{about['lid'].split('@')[0]} good morning"
                await _send(browser.page, FRIENDS_CHAT, LINK)
                await _send(browser.page, room["id"], mention)
                await friend.until(f"{INBOUND.strip()}.length === 2")
                assert await friend.ask(INBOUND) == [
                    {"body": LINK, "preview": None, "mentions": []},
                    {"body": mention, "preview": None, "mentions": []},
                ]
                # WhatsApp's own page tells that, and nothing can be set against it.
                await friend.until(f"{ACK_OF_HELLO} === 3")
            await driver.close()


async def _says_hello(friend: Tab, page: WhatsAppPage) -> None:
    """Have the friend write, and wait until our page has it and the friend knows."""
    sent = await friend.send(OUR_CHAT, "hello")
    key = f"false_{FRIENDS_CHAT}_{sent['id'].rsplit('_', 1)[1]}"

    async def there() -> bool:
        return (await page.look_up(key, FRIENDS_CHAT)).found

    await until(there)
    await friend.until(f"{ACK_OF_HELLO} === 2")


async def _send(page: WhatsAppPage, chat: str, text: str) -> None:
    key = await page.prepare(chat)
    await page.send(key, chat, Text(text=text))

    async def gone() -> bool:
        return (await page.outcome(key)).went_well

    await until(gone)

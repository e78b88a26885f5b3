"""What the page cannot find, although it refuses the id as one that it has, may be out."""

from __future__ import annotations

from chatgrow_worker.page.snapshot import LookUp
from sessions.messages.model import MessageStatus
from tests.builders import PLAIN, Stores
from tests.dispatching import dispatch_limits, dispatching, reaches
from tests.fake_page import FakePage


class BlindPage(FakePage):
    """Finds nothing, such as a page that was just loaded anew."""

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        return LookUp(found=False, ack=0, line=True)


async def test_a_message_that_the_page_calls_a_duplicate_is_never_called_failed(
    stores: Stores,
) -> None:
    page = BlindPage()
    connection, lease = await stores.leased()
    message = await stores.message(connection)
    await stores.queue.claim_next(lease)
    key = await page.prepare(message.to)
    await stores.queue.write_down(lease, message, key, message.to, new_chat=False)
    await page.send(key, message.to, PLAIN.open_content(message))
    page.outcomes.clear()
    async with dispatching(stores, page, lease, dispatch_limits(tries=2)):
        end = await reaches(stores, message, MessageStatus.UNKNOWN)
    assert (end.reason, len(page.delivered)) == ("stored_but_not_acknowledged", 1)

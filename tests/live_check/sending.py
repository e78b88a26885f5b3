"""Send a message, and follow how far it gets."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from tests.live_check.findings import Message, as_code
from tests.live_check.run import Run

_EVERY = timedelta(milliseconds=200)
_MARK_BYTES = 3
_BAD_ENDS = ("failed", "expired", "cancelled", "unknown")
_STEPS = ("sent", "delivered", "read")
_TO_SELF = "yourself"
_TO_OTHER = "somebody else"


class Sent:
    """A message of the check that the API has accepted."""

    def __init__(self, run: Run, message: Message, message_id: str, text: str) -> None:
        self._run = run
        self._id = message_id
        self.message = message
        self.text = text

    async def until_read(self, within: timedelta) -> Message:
        """Follow it until it is read, has ended badly, or time is up."""
        return await self._until(within, lambda: self.message.read is not None)

    async def until_out(self, within: timedelta) -> Message:
        """Follow it until WhatsApp has it, it has ended badly, or time is up."""
        return await self._until(within, lambda: self.message.went_out)

    async def look(self) -> Message:
        """Read what has become of it."""
        seen = await self._run.system.api.message(self._id)
        self._run.private.add(seen.get("whatsappId"), seen.get("chatId"))
        message = self.message
        message.status = as_code(seen.get("status")) or ""
        message.reason = as_code(seen.get("reason"))
        message.sent, message.delivered, message.read = (
            _between(seen["queuedAt"], seen.get(f"{step}At")) for step in _STEPS
        )
        self._note_ids(seen.get("to"), seen.get("chatId"))
        return message

    async def count(self) -> None:
        """Ask the person how often it arrived."""
        self.message.arrived = await self._run.person.count(self.text)

    def _note_ids(self, asked: str | None, answered: str | None) -> None:
        if asked and answered and not answered.endswith("@lid"):
            user = answered.partition("@")[0]
            self.message.other_id = user != asked.partition("@")[0].lstrip("+")

    async def _until(self, within: timedelta, done: Callable[[], bool]) -> Message:
        limit = self._run.watch.now + within.total_seconds()
        while self._run.watch.now < limit:
            message = await self.look()
            if done() or message.status in _BAD_ENDS:
                break
            await asyncio.sleep(_EVERY.total_seconds())
        return self.message


async def send(run: Run, when: str, *, to_other: bool = False) -> Sent:
    """Send a message to oneself, or to the other number."""
    to = run.other_number if to_other else run.own_number
    assert to is not None
    text = f"ChatGrow check, {when} ({secrets.token_hex(_MARK_BYTES)})"
    message = Message(when=when, to=_TO_OTHER if to_other else _TO_SELF)
    message_id = await run.system.api.send(to, text)
    run.findings.messages.append(message)
    run.private.add(text, message_id)
    sent = Sent(run, message, message_id, text)
    run.sent.append(sent)
    return sent


async def look_again(run: Run) -> None:
    """See how far all messages have got by now."""
    for each in run.sent:
        await each.look()


async def first_messages(run: Run) -> None:
    """Send to oneself and to somebody else, and follow both until they are read."""
    sent = [await send(run, "at first")]
    if run.other_number:
        sent.append(await send(run, "at first", to_other=True))
    within = run.options.limits.deliver
    doing = "Following the first messages; open them on the phones, so that they count as read"
    async with run.progress.step("First messages", doing=doing):
        await asyncio.gather(*(each.until_read(within) for each in sent))
    for each in sent:
        run.progress.say(f"  to {each.message.to}: {each.message.status}")
    await sent[0].count()


def _between(queued: str, reached: str | None) -> float | None:
    """Return the seconds between two times of the API."""
    if reached is None:
        return None
    passed = datetime.fromisoformat(reached) - datetime.fromisoformat(queued)
    return round(passed.total_seconds(), 1)

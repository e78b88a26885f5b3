"""What is handed to the page for a message: its content, its file, and the message it is about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from loguru import logger

from chatgrow_worker.page.files import OutgoingFile
from chatgrow_worker.sending.outgoing_files import OutgoingFiles
from chatgrow_worker.sending.results import SendResults
from sessions.media.errors import MediaDamagedError, MediaKeyMissingError, MediaNotFoundError
from sessions.messages.content import Content, Media
from sessions.messages.file_tries import FileBells
from sessions.messages.model import (
    MEDIA_KEY_MISSING,
    TEXT_KEY_MISSING,
    WAITS_FOR_MESSAGE,
    Message,
    MessageStatus,
    why_no_file,
)
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextKeyMissingError, TextSealer, TextUnreadableError
from sessions.messages.states import NOT_SENT

_KEY_MISSING_FOR = timedelta(hours=1)
"""How long a message waits for a missing key; a restarted worker tries again at once."""
_NOT_SENT_FOR = timedelta(seconds=5)
"""How long a message waits before it is looked up again whether the one before it was sent."""
_FETCHED_WITHIN = timedelta(seconds=5)
"""How long a message is put off while it has no file; once it has one, it goes at once."""


@dataclass(frozen=True)
class Parts:
    """What is sent, and the page's key of the message that it answers or changes."""

    content: Content
    refers_to: str | None = None


class MessageParts:
    """Gather what a message is made of; what lacks a part ends or is put off."""

    def __init__(
        self,
        texts: TextSealer,
        referred: ReferredMessages,
        files: OutgoingFiles,
        file_bells: FileBells,
        results: SendResults,
    ) -> None:
        self._texts = texts
        self._referred = referred
        self._files = files
        self._file_bells = file_bells
        self._results = results

    async def of(self, message: Message) -> Parts | None:
        """Return what to hand to the page; None if the message has ended or was put off."""
        if message.waits_for_file:
            await self._await_file(message)
            return None
        content = await self.content_of(message)
        about = message.reply_to or message.target
        if content is None:
            return None
        if about is None:
            return Parts(content)
        found = await self._referred.find(message.connection, about)
        if found is None:
            await self._results.end(message, MessageStatus.FAILED, "message_not_found")
        elif found.status in NOT_SENT:
            due = (message.sending_at or message.queued_at) + _NOT_SENT_FOR
            await self._results.put_off(message, due, WAITS_FOR_MESSAGE, counts=False, tried=False)
        elif found.key is None or found.status is MessageStatus.FAILED:
            await self._results.end(message, MessageStatus.FAILED, "message_not_sent")
        else:
            return Parts(content, found.key)
        return None

    async def content_of(self, message: Message) -> Content | None:
        """Return a message's content; if it cannot be decrypted, put the message off or fail it.

        It is put off if the key is missing, since an operator can add the key.
        """
        try:
            return self._texts.open_content(message)
        except TextKeyMissingError as error:
            logger.error("The message waits: {}", error)
            due = (message.sending_at or message.queued_at) + _KEY_MISSING_FOR
            await self._results.put_off(message, due, TEXT_KEY_MISSING, counts=False, tried=False)
        except TextUnreadableError as error:
            logger.error("The message cannot be sent: {}", error)
            await self._results.end(message, MessageStatus.FAILED, error.code)
        return None

    @asynccontextmanager
    async def with_file(
        self, message: Message, content: Content
    ) -> AsyncIterator[tuple[bool, OutgoingFile | None]]:
        """Give a message's file on this disk, if it has one, until its send has ended.

        False if the file cannot be read; then the message has ended, or was put off.
        """
        async with AsyncExitStack() as stack:
            is_ready, file = True, None
            try:
                if isinstance(content, Media):
                    file = await stack.enter_async_context(self._files.of(message, content))
            except MediaKeyMissingError as error:
                is_ready = False
                logger.error("The message waits: {}", error)
                due = (message.sending_at or message.queued_at) + _KEY_MISSING_FOR
                await self._results.put_off(
                    message, due, MEDIA_KEY_MISSING, counts=False, tried=False
                )
            except (MediaNotFoundError, MediaDamagedError) as error:
                is_ready = False
                logger.error("The message cannot be sent: {}", error)
                await self._results.end(message, MessageStatus.FAILED, error.code)
            yield is_ready, file

    async def key_of_quoted(self, message: Message) -> str | None:
        """Return the page's key of the message that a message answers, if there is one."""
        if message.reply_to is None:
            return None
        found = await self._referred.find(message.connection, message.reply_to)
        return None if found is None else found.key

    async def _await_file(self, message: Message) -> None:
        """Let others pass a message whose file is still to be fetched or converted."""
        self._file_bells.ring(message)
        due = (message.sending_at or message.queued_at) + _FETCHED_WITHIN
        reason = why_no_file(message.original)
        await self._results.put_off(message, due, reason, counts=False, tried=False)

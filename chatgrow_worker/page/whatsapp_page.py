"""A page of WhatsApp Web: every call has a time limit, every answer is validated."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from playwright.async_api import Page

from chatgrow_worker.page.answering import Answering, Document, answer_navigations, answered
from chatgrow_worker.page.bridge import Bridge, bounded
from chatgrow_worker.page.errors import PageCallError, PageNotLoadedError
from chatgrow_worker.page.files import OutgoingFile
from chatgrow_worker.page.heard import ResponsesPage, RowsFound, RowsPage
from chatgrow_worker.page.login_end import OF_NO_LOAD, EndSign, LoginEnd
from chatgrow_worker.page.qr_form import QrForm
from chatgrow_worker.page.served import document_of, refuse_errors
from chatgrow_worker.page.snapshot import (
    About,
    Download,
    Group,
    Look,
    LookUp,
    Outcome,
    PairingCode,
    Prepared,
    ShownCode,
    Snapshot,
)
from sessions.connections.states import Reason
from sessions.messages.content import Content

BELL = "__bell"
"""The binding that the page calls when something may have changed.

Its arguments are none, or the load of the page and a word of our script: `loaded` or an `EndSign`.
Any script in the page can call it, so the words are only hints.
"""

_SIGNS = frozenset(EndSign) - {EndSign.WIPED}
_OF_A_WIPE = frozenset({EndSign.WIPING, EndSign.LOGGED_OUT})
_LONGEST_EPOCH = 32
_MILLISECOND = timedelta(milliseconds=1)
_NO_TIME = timedelta(0)
_NOT_BEGUN = ("", _NO_TIME, False)
_ACCOUNT = re.compile(r"[0-9]{1,20}@(?:c\.us|lid)")
"""The id of a person's account; a number check never returns that of a group."""
_LOCAL_STORAGE = "() => ({...localStorage})"
_PUT_BACK = """(dump) => {
    localStorage.clear();
    for (const [name, text] of Object.entries(dump)) localStorage.setItem(name, text);
}"""


class WhatsAppPage:
    """Everything that the worker can ask of a page.

    Each method raises PageBrokenError if the page does not answer in time or is gone, and
    PageCallError if the page answers with an error: LineDeadError if the call needs a line to
    WhatsApp and the page has none.
    """

    def __init__(self, page: Page, bell: asyncio.Event, call_limit: timedelta) -> None:
        self._page = page
        self._bridge = Bridge(page, call_limit)
        self._call_limit = call_limit
        self._decided: dict[str, Outcome] = {}
        self._typing = _NOT_BEGUN
        self._told: dict[EndSign, str] = {}
        self._navigates = False
        self._wipes = False
        self._load = 0
        self.restarts = 0
        """How often the page has reloaded itself since it last worked."""
        self._saved: Answering | None = None
        self.bell = bell
        self.served: Document | None = None
        """The document that WhatsApp served for this load of the page; None if it was not kept."""
        self.has_sent = False
        """Whether WhatsApp has accepted a message from this load of the page."""

    def hear(self, *words: object) -> None:
        """Handle a call of the binding; unknown words only set the bell."""
        match words:
            case (str(), "loaded"):
                self._has_loaded()
            case (str(epoch), str(word)) if word in _SIGNS and len(epoch) <= _LONGEST_EPOCH:
                self._told[EndSign(word)] = epoch
                self._wipes = self._wipes or word in _OF_A_WIPE
        self.bell.set()

    def _has_loaded(self) -> None:
        by_itself = not self._navigates
        self.restarts += by_itself
        if by_itself:
            self._begin_load()
        if by_itself and self._wipes:
            self._told[EndSign.WIPED] = OF_NO_LOAD
        self._navigates = self._wipes = False

    def tell(self, end: LoginEnd) -> None:
        """Pass on the signs of a login's end that the page has shown, also in earlier loads."""
        for sign, epoch in self._told.items():
            end.hear(epoch, [sign])
        self._told.clear()

    @property
    def left_with_a_reason(self) -> bool:
        """Whether WhatsApp's scripts have logged the page out, and gave a reason."""
        return "logout_reason=" in self._page.url

    async def open(self, url: str, limit: timedelta, saved: Document | None = None) -> None:
        """Open WhatsApp Web; with `saved`, every load of the page gets that document instead."""
        self._navigates = True
        self._begin_load()
        load = self._load
        async with bounded(limit, Reason.PAGE_UNREACHABLE, f"{url}: "):
            if saved is not None:
                self._saved = await answer_navigations(self._page, url, saved)
            answer = await self._page.goto(url, wait_until="commit", timeout=0)
        refuse_errors(answer)
        if saved is None and answer is not None:
            served = await document_of(answer, self._call_limit)
            self.served = served if load == self._load else None

    async def reload(self, limit: timedelta) -> None:
        """Reload the page."""
        self._navigates = True
        self._begin_load()
        async with bounded(limit, Reason.PAGE_UNREACHABLE):
            answer = await self._page.reload(wait_until="commit", timeout=0)
        refuse_errors(answer)

    async def pairing_code(self, phone: str, lives: timedelta) -> PairingCode:
        """Return the code to type on the phone with this number, and alert that phone.

        A code that is younger than `lives` is returned again. If WhatsApp's server refuses, the
        PageCallError has its status as `code`: 429 after too many codes. If it does not answer in
        time, the code is `no_answer`.
        """
        within = self._call_limit * 2 / 3
        milliseconds = [each // _MILLISECOND for each in (lives, within)]
        answer = await self._bridge.call("pairingCode", phone, *milliseconds)
        return PairingCode.model_validate(answer)

    async def restore_local_storage(self, url: str, dump: dict[str, str], limit: timedelta) -> None:
        """Write a dump into localStorage before WhatsApp's own scripts run.

        This opens the address once with an empty document instead of WhatsApp's.
        """
        async with bounded(limit, Reason.PAGE_UNREACHABLE):
            await self._open_empty(url)
            await self._page.evaluate(_PUT_BACK, dump)

    async def leave(self) -> dict[str, str]:
        """Replace the page by an empty document, which ends WhatsApp's scripts.

        Returns all of localStorage as the scripts have left it, which is a credential. The page
        answers no other calls afterwards.
        """
        async with bounded(self._call_limit, Reason.PAGE_UNRESPONSIVE):
            await self._open_empty(self._page.url.partition("#")[0])
            left: dict[str, str] = await self._page.evaluate(_LOCAL_STORAGE)
        return left

    async def snapshot(self) -> Snapshot | None:
        """Return what the page shows; None while it is loading."""
        try:
            return Snapshot.model_validate(await self._bridge.call("snapshot"))
        except PageNotLoadedError:
            return None

    async def look(
        self, epoch: str, serial: int, recorded: tuple[str, int] | None = None
    ) -> Look | None:
        """Return everything that a page session follows, in one call; None while it is loading.

        The acks are those after the one with this serial, which is counted within an epoch.
        `recorded` has the epoch and the serial of the last item that was recorded of what others
        write; without it none is told.
        """
        heard = None if recorded is None else [*recorded]
        try:
            return Look.model_validate(await self._bridge.call("look", epoch, serial, heard))
        except PageNotLoadedError:
            return None

    async def qr_code(self, form: QrForm = QrForm.PAGE) -> ShownCode | None:
        """Return the QR code that is shown; None if there is no valid one."""
        value = await self._bridge.call("qrCode", form)
        return None if value is None else ShownCode.model_validate(value)

    async def about(self) -> About:
        """Return the version of WhatsApp Web."""
        return About.model_validate(await self._bridge.call("about"))

    async def refresh_code(self) -> None:
        """Request a new series of QR codes, which comes within a second; ends a pairing code."""
        await self._bridge.call("refreshCode")

    async def account_of(self, chat_id: str) -> str | None:
        """Ask WhatsApp for the id of a number's account; None if the number has no account.

        The id may have other digits than the number (in Brazil, Mexico and Argentina): a message to
        an id made from the number would not arrive. The answer is remembered, and messages are sent
        to it, so anything that cannot be an account raises PageCallError.
        """
        value = await self._bridge.call("accountOf", chat_id)
        if value is not None and not _ACCOUNT.fullmatch(str(value)):
            raise PageCallError("UnexpectedAnswer", None, "the id of an account was expected")
        return None if value is None else str(value)

    async def log_out(self) -> None:
        """Start the logout, of which the phone is informed; the page then shows a QR code."""
        await self._bridge.call("logOut")

    async def prepare(self, chat_id: str, typing: timedelta = _NO_TIME) -> str:
        """Return a new key for one message to this chat, and begin to show "typing" for a while.

        `show_typing` then tells whether that worked, without another call.
        """
        answer = await self._bridge.call("prepare", chat_id, typing // _MILLISECOND)
        prepared = Prepared.model_validate(answer)
        self._typing = (chat_id, typing, prepared.typing)
        return prepared.key

    async def show_typing(self, chat_id: str, span: timedelta) -> bool:
        """Show the recipient for a while that somebody is typing; tell whether that worked.

        This returns within half a second, even if WhatsApp does not answer.
        """
        *begun, shown = self._typing
        if begun == [chat_id, span]:
            self._typing = _NOT_BEGUN
            return bool(shown)
        return bool(await self._bridge.call("showTyping", chat_id, span // _MILLISECOND))

    async def send(
        self,
        key: str,
        chat_id: str,
        content: Content,
        refers_to: str | None = None,
        file: OutgoingFile | None = None,
    ) -> None:
        """Start sending with a prepared key, and return soon; ask `outcome` for the result.

        `refers_to` is the page's key of the message that it answers or changes. The page reads
        `file` until the send has ended.
        """
        parts = {**content.for_page(), "refersTo": refers_to}
        self._note(key, await self._bridge.call_with(file, "send", key, chat_id, parts))

    async def mark_read(self, chat_id: str) -> int:
        """Mark a chat read, which its people may see; return how many messages stay unread."""
        return int(await self._bridge.call("markRead", chat_id))

    async def groups(self) -> list[Group]:
        """Return the groups of the account, with those of their participants that it knows."""
        return [Group.model_validate(each) for each in await self._bridge.call("groups")]

    async def resend(
        self,
        key: str,
        chat_id: str,
        content: Content | None = None,
        refers_to: str | None = None,
        file: OutgoingFile | None = None,
    ) -> None:
        """Start sending a stored message again, as the same record with the same id.

        A message whose file was not uploaded needs all its parts again.
        """
        parts = content and {**content.for_page(), "refersTo": refers_to}
        self._note(key, await self._bridge.call_with(file, "resend", key, chat_id, parts))

    async def outcome(self, key: str) -> Outcome:
        """Return the outcome of a send that was started in this load of the page."""
        if (decided := self._decided.pop(key, None)) is not None:
            return decided
        return self._read_outcome(await self._bridge.call("outcome", key))

    async def look_up(self, key: str, chat_id: str) -> LookUp:
        """Look up a message by its key in the page's own store."""
        return LookUp.model_validate(await self._bridge.call("lookUp", key, chat_id))

    async def begin_download(self, key: str) -> None:
        """Start to fetch the file of a received message; ask `download_state` for the result."""
        await self._bridge.call("beginDownload", key)

    async def download_state(self, key: str) -> Download:
        """Return what became of a file that is fetched in this load of the page."""
        return Download.model_validate(await self._bridge.call("downloadState", key))

    async def download_piece(self, key: str, start: int, end: int) -> bytes:
        """Return bytes of a fetched file, up to but without `end`."""
        return base64.b64decode(str(await self._bridge.call("downloadPiece", key, start, end)))

    async def drop_download(self, key: str) -> None:
        """Let the page forget a file."""
        await self._bridge.call("dropDownload", key)

    async def has_line(self) -> bool:
        """Tell whether the page has a line to WhatsApp."""
        return bool(await self._bridge.call("hasLine"))

    async def locate_received(
        self, since: datetime, before: float | None, *, history: bool
    ) -> RowsFound:
        """Look one page of rows back for the first message since a time, from row `before`.

        `history` includes what the phone has sent of its history.
        """
        answer = await self._bridge.call("locateReceived", _seconds(since), before, history)
        return RowsFound.model_validate(answer)

    async def received_rows(self, after: float, limit: int) -> RowsPage:
        """Return the messages of others after a row of the page's table, at most `limit` rows."""
        return RowsPage.model_validate(await self._bridge.call("receivedRows", after, limit))

    async def received_of(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return the messages of others with these keys, as the page's table has them."""
        return _items(await self._bridge.call("receivedOf", [*keys]))

    async def received_changes(self, since: datetime) -> list[dict[str, Any]]:
        """Return the messages of others that were edited or revoked since a time."""
        return _items(await self._bridge.call("receivedChanges", _seconds(since)))

    async def received_reactions(self, since: datetime, offset: int) -> ResponsesPage:
        """Return a page of the reactions of others since a time."""
        answer = await self._bridge.call("receivedReactions", _seconds(since), offset)
        return ResponsesPage.model_validate(answer)

    async def received_votes(self, since: datetime, offset: int) -> ResponsesPage:
        """Return a page of the votes of others since a time."""
        answer = await self._bridge.call("receivedVotes", _seconds(since), offset)
        return ResponsesPage.model_validate(answer)

    async def local_storage(self, *, always: bool = False) -> dict[str, str] | None:
        """Return all of localStorage, a credential; None if it is the same as at the last call."""
        value = await self._bridge.call("localStorage", always)
        return None if value is None else {str(name): str(text) for name, text in value.items()}

    async def tidy(self) -> None:
        """Make the page collect its garbage."""
        async with bounded(self._call_limit, Reason.PAGE_UNRESPONSIVE):
            session = await self._page.context.new_cdp_session(self._page)
            await session.send("HeapProfiler.collectGarbage")
            await session.detach()

    def _begin_load(self) -> None:
        """Forget what was true for the previous load of the page."""
        self._load += 1
        self.served, self.has_sent, self._typing = None, False, _NOT_BEGUN

    def _note(self, key: str, answer: Any) -> None:
        """Keep the outcome of a send that has ended already; there is one send at a time."""
        outcome = self._read_outcome(answer)
        self._decided = {} if outcome.state == "pending" else {key: outcome}

    def _read_outcome(self, answer: Any) -> Outcome:
        outcome = Outcome.model_validate(answer)
        self.has_sent = self.has_sent or outcome.went_well
        return outcome

    async def _open_empty(self, url: str) -> None:
        self._navigates = True
        if self._saved is not None:
            await self._saved.stop()
        async with answered(self._page, url, Document()):
            await self._page.goto(url, wait_until="commit", timeout=0)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _items(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list):
        raise PageCallError("BadAnswer", None, "a list of messages was expected")
    return [each for each in answer if isinstance(each, dict)]

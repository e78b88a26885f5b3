"""The table of what the page's errors and refusals mean for a message.

Texts, names and codes are WhatsApp's and wa-js's own. Their sources:
`No LID for user`: WAWebLidMigrationUtils; `Lid is missing in chat table`:
WAWebStorageChatHookExpectAccountLid; `new chat not found`, `could not find phone number`:
WAWebFindChat; `account lid not provided`: WAWebCreateChat; `Contact is blocked`:
WAWebSendMsgRecordAction; `not_member`, `terminated`: WAWebGroupQueryGroupJob;
`ServerStatusCodeError`: WAWebBackendErrors (all in the dump of 2026-04-27);
`UserReachedMaxMonthlyLimitForNewMessages`, `Acp2Restricted`: WAWebErrorType (the latter in later
dumps only); `Reaction send error`: WAWebSendReactionMsgAction (2026-04-27); 463 and 475: the
server's codes, seen in public sources; 403 and 404 for a group: what servers answer about groups,
not seen for a send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Protocol

from chatgrow_worker.page.snapshot import Outcome
from sessions.messages.model import CHAT_NOT_READY, CHECKING_NUMBER, WAITS_FOR_MESSAGE


class Then(StrEnum):
    """What to do with a message."""

    FAIL = "fail"
    """It fails at once, since trying again cannot help. The next message is sent."""
    TRY_AGAIN = "try_again"
    """It is tried again after growing waits, up to SEND_TRIES times; later messages wait."""
    STEP_ASIDE = "step_aside"
    """It is tried again after growing waits, up to SEND_TRIES times; later messages overtake it."""
    PAUSE = "pause"
    """It goes back to the queue, and the connection sends nothing for BAN_PAUSE."""
    NO_ACCOUNT = "no_account"
    """The number seems to have no account: check it again later; other messages overtake it."""


@dataclass(frozen=True)
class Refusal:
    """What to do, the reason to show while the message waits, and the reason if it fails."""

    then: Then
    waits: str = ""
    ends: str = ""


class PageFailure(Protocol):
    """An error of a call in the page."""

    @property
    def name(self) -> str:
        """The error's class."""

    @property
    def code(self) -> str | None:
        """The code, which only errors of wa-js and of our scripts have."""

    @property
    def message(self) -> str:
        """The error's text."""

    @property
    def status(self) -> int | None:
        """The status code of WhatsApp's server."""


def _fails(reason: str) -> Refusal:
    return Refusal(Then.FAIL, ends=reason)


_TIMELOCK = Refusal(Then.PAUSE, "timelock", "refused_by_whatsapp")
_CAPPED = Refusal(Then.PAUSE, "new_chats_capped", "refused_by_whatsapp")
_TOO_MANY = Refusal(Then.PAUSE, "rate_limited_by_whatsapp", "refused_by_whatsapp")
_BUSY = Refusal(Then.TRY_AGAIN, "refused_for_now", "refused_by_whatsapp")
_CHAT_MISSING = Refusal(Then.STEP_ASIDE, CHAT_NOT_READY, CHAT_NOT_READY)
_NO_ACCOUNT = Refusal(Then.NO_ACCOUNT, CHECKING_NUMBER, "not_on_whatsapp")

_OF_ERROR_CODE: Mapping[str, Refusal] = MappingProxyType(
    {
        "not_member": _fails("not_in_group"),
        "terminated": _fails("group_gone"),
        "terminated_local": _fails("group_gone"),
        "not_acknowledged_yet": Refusal(Then.STEP_ASIDE, WAITS_FOR_MESSAGE, "message_not_sent"),
        "quoted_msg_can_not_reply": _fails("not_quotable"),
        "edit_message_error": _fails("not_editable"),
    }
)
_OF_ERROR_TEXT: Mapping[str, Refusal] = MappingProxyType(
    {
        "No LID for user": _NO_ACCOUNT,
        "Lid is missing in chat table": _CHAT_MISSING,
        "account lid not provided": _CHAT_MISSING,
        "new chat not found": _CHAT_MISSING,
        "Chat not found in ChatStore": _CHAT_MISSING,
        "could not find phone number": _CHAT_MISSING,
        "Contact is blocked": _fails("contact_blocked"),
        "Reaction send error": _BUSY,
    }
)
"""By a part of the error's text, since these errors have no code."""
_OF_SERVER_CODE: Mapping[int, Refusal] = MappingProxyType(
    {463: _TIMELOCK, 475: _CAPPED} | dict.fromkeys((408, 429, *range(500, 600)), _BUSY)
)
_OF_SERVER_CODE_IN_GROUPS: Mapping[int, Refusal] = MappingProxyType(
    {403: _fails("not_in_group"), 404: _fails("group_gone")}
)
_OF_MESSAGE: Mapping[str, Refusal] = MappingProxyType(
    {
        "UserReachedMaxMonthlyLimitForNewMessages": _CAPPED,
        "Acp2Restricted": _fails("chat_restricted"),
    }
)
"""By the name of the refusal that the page writes into a message."""


_OF_RESULT: Mapping[str, Refusal] = MappingProxyType(
    {"ERROR_UPLOAD": Refusal(Then.TRY_AGAIN, "upload_failed", "upload_failed")}
)
"""By the result of a send that never reached WhatsApp's server."""


def refusal_of_error(error: PageFailure) -> Refusal | None:
    """Return what an error in the page means; None if it is unknown."""
    if refusal := _OF_ERROR_CODE.get(error.code or ""):
        return refusal
    for text, refusal in _OF_ERROR_TEXT.items():
        if text in error.message:
            return refusal
    if error.name != "ServerStatusCodeError":
        return None
    return _TOO_MANY if error.status == HTTPStatus.TOO_MANY_REQUESTS else _BUSY


def refusal_of_outcome(outcome: Outcome, chat_id: str) -> Refusal | None:
    """Return what a refused send means; None if WhatsApp refuses the message for good."""
    if refusal := _OF_MESSAGE.get(outcome.refusal or ""):
        return refusal
    if refusal := _OF_RESULT.get(outcome.result or ""):
        return refusal
    code = outcome.code or 0
    if chat_id.endswith("@g.us") and code in _OF_SERVER_CODE_IN_GROUPS:
        return _OF_SERVER_CODE_IN_GROUPS[code]
    return _OF_SERVER_CODE.get(code)

"""What the run says about each way in which the real page differs from what libraries expect.

The numbers are those that reports are compared by; they never change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.live_check.findings import Findings
from tests.live_check.linking import CODES_IN_A_ROUND

_LONG_FORM = 5
_RECIPIENTS = ("not_on_whatsapp", "chat_not_ready", "contact_blocked", "chat_restricted")


class Seen(StrEnum):
    """Whether the page was seen to do it."""

    SEEN = "seen"
    NOT_SEEN = "not seen"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Row:
    """One thing about the page."""

    number: int
    what: str
    seen: Seen
    note: str = ""


Judged = tuple[Seen, str]


def rows(findings: Findings) -> list[Row]:
    """Judge each row by what the run has seen."""
    return [Row(number, what, *judge(findings)) for number, (what, judge) in enumerate(_ROWS, 1)]


def _dead_line(findings: Findings) -> Judged:
    cut = findings.cut
    if cut is None:
        return Seen.NOT_CHECKED, ""
    if cut.noticed is None:
        return Seen.NOT_SEEN, f"the network was cut for {cut.lasted:g} s and nothing was told"
    return Seen.SEEN, f"told as {cut.state} ({cut.reason}) after {cut.noticed:g} s"


def _qr_round(findings: Findings) -> Judged:
    codes = findings.linking.codes if findings.linking else 0
    if codes <= CODES_IN_A_ROUND:
        return Seen.NOT_CHECKED, "the first codes did not run out"
    return Seen.SEEN, f"{codes} codes were shown"


def _unlinked(findings: Findings) -> Judged:
    if findings.unlinked is None:
        failed = findings.ended_early == "unlinking"
        return (Seen.NOT_SEEN if failed else Seen.NOT_CHECKED), ""
    seen = findings.unlinked
    return Seen.SEEN, f"told as {seen.state} ({seen.reason})"


def _qr_form(findings: Findings) -> Judged:
    linking = findings.linking
    if linking is None or linking.parts is None:
        return Seen.NOT_CHECKED, ""
    front = "an address in front" if linking.address_in_front else "no address in front"
    accepted = "accepted" if linking.connected is not None else "not accepted"
    seen = Seen.SEEN if linking.parts >= _LONG_FORM else Seen.NOT_SEEN
    return seen, f"{linking.parts} parts, {front}; {accepted} by the phone"


def _typing(findings: Findings) -> Judged:
    if not any(message.went_out for message in findings.messages):
        return Seen.NOT_CHECKED, ""
    return Seen.NOT_CHECKED, "messages went out with typing on; its display was not looked at"


def _late_modules(findings: Findings) -> Judged:
    if findings.unlinked is None:
        return Seen.NOT_CHECKED, ""
    if findings.unlinked.reason == "unlinked":
        return Seen.SEEN, "the page's own event was heard, or there would be another reason"
    return Seen.NOT_SEEN, "the unlinking was noticed, and its event was not heard"


def _other_id(findings: Findings) -> Judged:
    known = [each.other_id for each in findings.messages if each.other_id is not None]
    if not known:
        return Seen.NOT_CHECKED, ""
    return (Seen.SEEN if any(known) else Seen.NOT_SEEN), ""


def _by_reason(*reasons: str) -> Callable[[Findings], Judged]:
    """Judge by whether the connection or a message ever had one of these reasons."""

    def judge(findings: Findings) -> Judged:
        told = {message.reason for message in findings.messages}
        if findings.saw(*reasons) or told & set(reasons):
            return Seen.SEEN, ""
        return Seen.NOT_CHECKED, "it did not happen during this run"

    return judge


def _never(note: str) -> Callable[[Findings], Judged]:
    return lambda _findings: (Seen.NOT_CHECKED, note)


_ROWS: tuple[tuple[str, Callable[[Findings], Judged]], ...] = (
    ("a line that is dead or reconnecting shows as such", _dead_line),
    ("another browser that takes the login over is noticed", _by_reason("replaced")),
    ("QR codes go on after the first round of six", _qr_round),
    ("unlinking on the phone is told apart from a lost login", _unlinked),
    ("a temporary ban is told", _by_reason("temporarily_banned")),
    ("a removed or locked account, or an outdated page, is told", _by_reason("account_locked")),
    ("a passkey is asked for", _by_reason("passkey_required", "passkey_wanted")),
    ("the QR code has the long form, and the phone takes it", _qr_form),
    ("sending marks the chat as read on the phone", _never("look at the phone yourself")),
    ("typing that fails does not cost the message", _typing),
    ("errors of pairing codes are told", _never("asking too often locks pairing for hours")),
    ("modules that load late are listened to", _late_modules),
    ("WhatsApp answers another id than the number asked", _other_id),
    ("errors of recipients have reasons of their own", _by_reason(*_RECIPIENTS)),
)

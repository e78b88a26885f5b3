"""The report of the live check: what it concludes, and that nothing of anybody's is in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.demo.progress import Progress
from tests.live_check.advice import savings_advice
from tests.live_check.api import Api
from tests.live_check.findings import Cut, Findings, Linking, Message, Sight, Start, Versions
from tests.live_check.judgement import may_trust, verdict
from tests.live_check.linking import link
from tests.live_check.options import Options
from tests.live_check.private import Private
from tests.live_check.report import Report, as_markdown
from tests.live_check.rows import Seen, rows
from tests.live_check.run import Run
from tests.live_check.sending import first_messages
from tests.live_check.watch import Watch

OURS = "+972501111111"
THEIRS = "+972541234567"
CODE = "https://wa.me/settings/linked_devices#2@ref,noise,identity,adv,w"
WHATSAPP_ID = "true_972541234567@c.us_3EB0123456789ABCDEF"


def good(**changes: Any) -> Findings:
    """Return the findings of a run in which everything held."""
    found = Findings(
        simulated=False,
        started="2026-11-28T21:05:00Z",
        versions=Versions(whatsapp_web="2.3000.1048032155"),
        linking=Linking(codes=1, parts=5, address_in_front=True, first_code=9, connected=7),
        messages=[
            Message(when="at first", to="yourself", status="read", sent=2, read=3, arrived=1),
            Message(when="while the network was cut", to="yourself", sent=61, arrived=1),
        ],
        cut=Cut(lasted=60, noticed=3.1, state="disconnected", reason="line_lost", used=True),
        starts=[start("proven")],
        unlinked=Sight(at=400, state="logged_out", reason="unlinked"),
    )
    return found.model_copy(update=changes)


def start(savings: str, **changes: Any) -> Start:
    """Return a start that worked."""
    given = {"connected": 12, "peak_mb": 1200, "settled_mb": 760, "sent": True}
    return Start(savings=savings, **(given | changes))


def test_it_may_be_trusted_when_everything_held() -> None:
    assert may_trust(good())
    assert verdict(good()).startswith("You may trust it with this account")


def test_a_run_on_the_simulator_says_nothing_about_the_real_page() -> None:
    assert "nothing about the real one" in verdict(good(simulated=True))


LOST = [good().messages[0], Message(when="while the network was cut", to="yourself")]
DOUBLED = [good().messages[0], good().messages[1].model_copy(update={"arrived": 2})]
UNSENT = [Message(when="at first", to="yourself", status="failed"), good().messages[1]]
SENT_ONLY = [Message(when="at first", to="yourself", sent=2), good().messages[1]]
UNCOUNTED = [good().messages[0], good().messages[1].model_copy(update={"arrived": None})]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"linking": Linking()}, "linking the phone"),
        ({"messages": UNSENT}, "delivering the first messages"),
        ({"messages": SENT_ONLY}, "delivering the first messages"),
        ({"cut": Cut(lasted=60, used=True)}, "noticing the cut network"),
        ({"cut": Cut(lasted=60, noticed=3, used=False)}, "noticing the cut network"),
        ({"messages": LOST}, "sending what waited during the cut"),
        ({"messages": DOUBLED}, "sending each message once"),
        ({"starts": [start("proven", scan_asked=True)]}, "restarting without a new scan"),
        ({"starts": [start("proven", sent=False)]}, "restarting without a new scan"),
        (
            {"unlinked": Sight(at=1, state="logged_out", reason="login_lost")},
            "noticing that the phone unlinked us",
        ),
        (
            {"unlinked": None, "ended_early": "unlinking"},
            "noticing that the phone unlinked us",
        ),
    ],
)
def test_it_must_not_be_trusted_when_something_went_wrong(
    changes: dict[str, Any], wrong: str
) -> None:
    found = good(**changes)
    assert not may_trust(found)
    assert verdict(found) == f"Do not trust it: this went wrong: {wrong}."


@pytest.mark.parametrize(
    ("changes", "open_"),
    [
        ({"messages": UNCOUNTED}, "sending each message once"),
        ({"starts": []}, "restarting without a new scan"),
        ({"unlinked": None}, "noticing that the phone unlinked us"),
        (
            {"ended_early": "interrupted", "starts": [], "unlinked": None},
            "restarting without a new scan, noticing that the phone unlinked us",
        ),
    ],
)
def test_it_must_not_be_trusted_yet_when_something_was_not_checked(
    changes: dict[str, Any], open_: str
) -> None:
    found = good(**changes)
    assert not may_trust(found)
    assert verdict(found) == f"Do not trust it yet: this was not checked: {open_}."


def test_a_run_that_was_interrupted_at_once_has_checked_nothing() -> None:
    found = Findings(simulated=False, started="x", linking=Linking(), ended_early="interrupted")
    assert "went wrong" not in verdict(found)
    assert "Ended early" not in verdict(found)
    assert "It ended early: interrupted." in as_markdown(found)


def test_the_rows_tell_what_was_seen() -> None:
    assert _seen(good()) == {1: Seen.SEEN, 4: Seen.SEEN, 8: Seen.SEEN, 12: Seen.SEEN}
    unnoticed = good(cut=Cut(lasted=60, used=True))
    assert rows(unnoticed)[0].seen is Seen.NOT_SEEN
    short = good(linking=Linking(codes=9, parts=4, address_in_front=False, connected=1))
    assert rows(short)[7].seen is Seen.NOT_SEEN
    assert rows(short)[2].seen is Seen.SEEN
    banned = good(sights=[Sight(at=1, state="disconnected", reason="temporarily_banned")])
    assert rows(banned)[4].seen is Seen.SEEN
    other = Message(when="at first", to="somebody else", other_id=True)
    assert rows(good(messages=[other]))[12].seen is Seen.SEEN
    same = other.model_copy(update={"other_id": False})
    assert rows(good(messages=[same]))[12].seen is Seen.NOT_SEEN


def test_a_saving_with_which_the_page_works_may_be_switched_on() -> None:
    starts = [start("proven"), start("all", settled_mb=560), start("no_zygote", sent=False)]
    assert savings_advice(good(starts=starts)) == [
        "BROWSER_SAVINGS=all: may be switched on; 200 MB less than the default.",
        "BROWSER_SAVINGS=no_zygote: leave it; the page did not come up or did not send.",
    ]


class ScriptedApi(Api):
    """An API that answers in the worst way: with what is somebody's wherever text may stand."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.shows_code = False

    async def status(self) -> dict[str, Any]:
        state = "connected" if self.shows_code else "awaiting_scan"
        return {"state": state, "reason": f"call {OURS}", "phoneNumber": OURS}

    async def qr_code(self) -> str | None:
        self.shows_code = True
        return CODE

    async def send(self, to: str, text: str) -> str:
        self.texts.append(text)
        return f"01MESSAGE{len(self.texts)}"

    async def message(self, message_id: str) -> dict[str, Any]:
        return {
            "messageId": message_id,
            "to": THEIRS,
            "chatId": "972541234567@c.us",
            "whatsappId": WHATSAPP_ID,
            "status": "failed",
            "reason": f"no LID for {THEIRS}: {self.texts[0]}",
            "queuedAt": "2026-11-28T21:05:00+00:00",
            "sentAt": "2026-11-28T21:05:02.500000+00:00",
        }


class SilentPerson:
    """Does what is asked, and counts one of everything."""

    async def other_number(self) -> str | None:
        return THEIRS

    async def wait(self, text: str) -> None: ...

    async def scan(self, code: str) -> None: ...

    async def type_code(self, code: str) -> None: ...

    async def count(self, text: str) -> int | None:
        return 1

    async def unlink(self) -> None: ...


async def test_no_number_text_id_or_code_is_in_the_report(tmp_path: Path) -> None:
    api, findings, private = ScriptedApi(), good(messages=[]), Private()
    watch = Watch(api, findings, lambda _text: None)
    system: Any = type("System", (), {"api": api})()
    run = Run(system, watch, SilentPerson(), findings, private, Progress(), Options())
    run.other_number = THEIRS
    async with watch.following():
        await link(run)
        await first_messages(run)
    text = _written(tmp_path, findings, Private())  # nothing needs to be taken out
    assert [message.sent for message in findings.messages] == [2.5, 2.5]
    assert findings.linking is not None
    assert (findings.linking.parts, findings.linking.address_in_front) == (5, True)
    for somebodys in (*api.texts, "01MESSAGE", "3EB0", "2@ref", "noise", "wa.me", "no LID"):
        assert somebodys not in text
    assert "2.3000.1048032155" in text
    assert re.findall(r"\d{6,}", text.replace("1048032155", "")) == []


def test_what_is_private_is_taken_out_even_where_it_should_never_stand(tmp_path: Path) -> None:
    private = Private()
    private.add_number("+972 50-111-1111")
    private.add("ChatGrow check, at first (a1b2c3)")
    leaking = good(
        ended_early="ChatGrow check, at first (a1b2c3)",
        versions=Versions(chromium="0501111111 or 972501111111 or +972 50-111-1111"),
    )
    text = _written(tmp_path, leaking, private)
    assert "01111111" not in text
    assert "111-1111" not in text
    assert "a1b2c3" not in text


def test_the_two_files_of_a_report_tell_the_same(tmp_path: Path) -> None:
    report = Report.in_folder(tmp_path / "new", "2026-11-28T21:05:00Z")
    report.write(good(), Private())
    document = json.loads(report.json.read_text())
    assert document["verdict"] in report.markdown.read_text()
    assert document["checks"]["linking the phone"] == "passed"
    assert document["findings"]["cut"]["reason"] == "line_lost"
    assert len(document["rows"]) == 14


def _seen(findings: Findings) -> dict[int, Seen]:
    return {row.number: row.seen for row in rows(findings) if row.seen is not Seen.NOT_CHECKED}


def _written(folder: Path, findings: Findings, private: Private) -> str:
    report = Report.in_folder(folder, "2026-11-28T210500Z")
    report.write(findings, private)
    return report.markdown.read_text() + report.json.read_text()


@pytest.mark.parametrize(
    ("url", "real"),
    [("https://web.whatsapp.com/", True), ("http://127.0.0.1:8090/", False), (None, False)],
)
def test_only_whatsapps_own_page_is_the_real_one(url: str | None, real: bool) -> None:
    assert Options(url=url).real is real

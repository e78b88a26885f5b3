"""What the findings mean: each check's outcome, and whether the product may be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.live_check.findings import Findings, Message, Outcome


@dataclass(frozen=True)
class Check:
    """One thing that must hold before anybody relies on the product."""

    name: str
    outcome: Outcome


def checks(findings: Findings) -> list[Check]:
    """Judge everything that must hold."""
    return [Check(name, judge(findings)) for name, judge in _CHECKS]


def verdict(findings: Findings) -> str:
    """Return the sentence that the check ends with."""
    judged = checks(findings)
    failed = [check.name for check in judged if check.outcome is Outcome.FAILED]
    open_ = [check.name for check in judged if check.outcome is Outcome.NOT_DONE]
    if failed:
        return f"Do not trust it: this went wrong: {', '.join(failed)}."
    if open_:
        return f"Do not trust it yet: this was not checked: {', '.join(open_)}."
    return _SIMULATED if findings.simulated else _TRUST


def may_trust(findings: Findings) -> bool:
    """Whether all that must hold was checked and holds."""
    return all(check.outcome is Outcome.PASSED for check in checks(findings))


_TRUST = (
    "You may trust it with this account, as WhatsApp Web is today: messages went out through a cut "
    "network and a restart, none was lost or repeated, and the unlinking was noticed."
)
_SIMULATED = (
    "Everything held on the simulated WhatsApp Web: that proves that this check works, and nothing "
    "about the real one."
)


def _linked(findings: Findings) -> Outcome:
    linking = findings.linking
    if linking is None or (linking.connected is None and findings.interrupted):
        return Outcome.NOT_DONE
    return _passed(linking.connected is not None)


def _delivered(findings: Findings) -> Outcome:
    first = _messages(findings, "at first")
    if not first:
        return Outcome.NOT_DONE
    return _passed(all(each.went_out for each in first) and any(map(_was_delivered, first)))


def _was_delivered(message: Message) -> bool:
    return message.delivered is not None or message.read is not None


def _cut_was_noticed(findings: Findings) -> Outcome:
    cut = findings.cut
    if cut is None or (cut.noticed is None and findings.interrupted):
        return Outcome.NOT_DONE
    return _passed(cut.used and cut.noticed is not None)


def _nothing_lost(findings: Findings) -> Outcome:
    meanwhile = _messages(findings, "while the network was cut")
    if not meanwhile:
        return Outcome.NOT_DONE
    if all(each.went_out for each in meanwhile):
        return Outcome.PASSED
    return _unless_interrupted(findings)


def _nothing_doubled(findings: Findings) -> Outcome:
    counted = [each.arrived for each in findings.messages if each.arrived is not None]
    after_cut = _messages(findings, "while the network was cut")
    if any(count != 1 for count in counted):
        return Outcome.FAILED
    if not after_cut or any(each.arrived is None for each in after_cut):
        return Outcome.NOT_DONE
    return Outcome.PASSED


def _restarted(findings: Findings) -> Outcome:
    if not findings.starts:
        return Outcome.NOT_DONE
    start = findings.starts[0]
    return Outcome.PASSED if start.works else _unless_interrupted(findings)


def _unlinking_noticed(findings: Findings) -> Outcome:
    if findings.unlinked is None:
        failed = findings.ended_early == "unlinking"
        return Outcome.FAILED if failed else Outcome.NOT_DONE
    return _passed(findings.unlinked.reason == "unlinked")


_CHECKS: tuple[tuple[str, Callable[[Findings], Outcome]], ...] = (
    ("linking the phone", _linked),
    ("delivering the first messages", _delivered),
    ("noticing the cut network", _cut_was_noticed),
    ("sending what waited during the cut", _nothing_lost),
    ("sending each message once", _nothing_doubled),
    ("restarting without a new scan", _restarted),
    ("noticing that the phone unlinked us", _unlinking_noticed),
)


def _messages(findings: Findings, when: str) -> list[Message]:
    return [message for message in findings.messages if message.when == when]


def _passed(holds: bool) -> Outcome:
    return Outcome.PASSED if holds else Outcome.FAILED


def _unless_interrupted(findings: Findings) -> Outcome:
    return Outcome.NOT_DONE if findings.interrupted else Outcome.FAILED

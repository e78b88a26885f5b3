"""What throws in a row tells whether a message or the page is at fault."""

from __future__ import annotations

import pytest

from chatgrow_worker.page.snapshot import CallFailure
from chatgrow_worker.whatsapp_change.change_phases import MOVES, Event, Phase
from chatgrow_worker.whatsapp_change.send_trials import SendTrials, is_unexpected
from sessions.common.clock import utc_now
from sessions.messages.model import Message, MessageStatus, Priority

IN_A_ROW = 3


def _message(name: str, to: str = "972501234567@c.us") -> Message:
    now = utc_now()
    return Message.model_validate(
        {
            "_id": name,
            "connection": "main",
            "connectionId": "main",
            "seq": 1,
            "owner": "admin",
            "to": to,
            "text": "Hello",
            "priority": Priority.NORMAL,
            "status": MessageStatus.SENDING,
            "queuedAt": now,
            "dueAt": now,
            "statusAt": now,
        }
    )


def _threw(trials: SendTrials, message: Message) -> bool:
    return trials.threw(message, "TypeError", "x is undefined")


def _begin_trial(trials: SendTrials) -> None:
    trials.on(Event.LOADED)
    trials.on(Event.TRY)


def test_several_in_a_row_hold_the_connection_and_blame_no_message() -> None:
    trials, odd = SendTrials(IN_A_ROW), _message("odd")

    assert [_threw(trials, odd) for _ in range(IN_A_ROW)] == [True] * IN_A_ROW
    assert trials.holds


def test_a_message_that_goes_out_between_begins_the_row_anew() -> None:
    trials = SendTrials(IN_A_ROW)
    _threw(trials, _message("a"))
    _threw(trials, _message("a"))
    trials.went_out(_message("a"))
    _threw(trials, _message("b"))

    assert not trials.holds


def test_what_threw_before_another_went_out_is_to_blame_itself() -> None:
    trials, odd = SendTrials(IN_A_ROW), _message("odd")
    for _ in range(IN_A_ROW):
        _threw(trials, odd)
    _begin_trial(trials)
    trials.went_out(_message("other"))

    assert trials.phase is Phase.WENT_OUT
    assert not _threw(trials, odd)
    assert not trials.holds


def test_one_error_ends_a_trial() -> None:
    trials = SendTrials(IN_A_ROW)
    for _ in range(IN_A_ROW):
        _threw(trials, _message("odd"))
    _begin_trial(trials)
    _threw(trials, _message("other"))

    assert trials.holds
    assert trials.phase is Phase.THREW


def test_groups_alone_do_not_count_for_the_others() -> None:
    trials = SendTrials(IN_A_ROW)
    _threw(trials, _message("group", "123-456@g.us"))
    assert not trials.counts_for_all
    _threw(trials, _message("person"))
    assert trials.counts_for_all


def test_a_message_is_not_blamed_for_ever() -> None:
    trials, first, last = SendTrials(IN_A_ROW), _message("0"), _message("999")
    for number in range(1_000):
        _threw(trials, _message(str(number)))
        trials.went_out(_message("other"))

    assert not _threw(trials, last)
    assert _threw(trials, first)  # it is judged anew, as it was at first


@pytest.mark.parametrize("phase", [each for each in Phase if each is not Phase.SENDING])
def test_from_every_phase_the_connection_can_come_to_send_again(phase: Phase) -> None:
    ways = {to for (start, event), to in MOVES.items() if start is phase and "fleet" not in event}
    for _ in Phase:
        ways |= {to for (start, _), to in MOVES.items() if start in ways}

    assert Phase.SENDING in ways


@pytest.mark.parametrize(
    ("name", "code", "text", "unexpected"),
    [
        ("TypeError", None, "x is undefined", True),
        ("Error", None, "no", True),
        ("Error", "chat_not_found", "no", False),
        ("Error", None, "No LID for user", False),
        ("DuplicateMessageError", None, "", False),
        ("ServerStatusCodeError", None, "", False),
    ],
)
def test_refusals_and_known_errors_tell_nothing_of_the_page(
    name: str, code: str | None, text: str, unexpected: bool
) -> None:
    assert is_unexpected(CallFailure(name=name, code=code, message=text)) is unexpected

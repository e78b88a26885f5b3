"""Which messages are answers."""

from __future__ import annotations

import pytest

from business.answers import Answer, meaning


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        " stop ",
        "Unsubscribe",
        "END",
        "quit",
        "הסר",
        "\u200fעצור",
        "STOP.",
        "הסר!",
        "Stop …",
    ],
)
def test_these_mean_stop_whatever_was_asked(text: str) -> None:
    assert meaning(text, asked=True) is Answer.STOP
    assert meaning(text, asked=False) is Answer.STOP


@pytest.mark.parametrize(
    "text", ["STOP 12345", "please stop", "stopped", "", "1 2", "weekend", "stop?", "."]
)
def test_a_part_of_a_message_means_nothing(text: str) -> None:
    assert meaning(text, asked=True) is None
    assert meaning(text, asked=False) is None


@pytest.mark.parametrize("text", ["cancel", "CANCEL", "ביטול"])
def test_cancel_means_stop_only_if_nothing_was_asked(text: str) -> None:
    assert meaning(text, asked=True) is Answer.CANCEL
    assert meaning(text, asked=False) is Answer.STOP


@pytest.mark.parametrize(
    "text", ["1", "\uff11", "כן", "אישור", "מאשר", "Yes", "confirm", "כן!", "1.", "1\ufe0f\u20e3"]
)
def test_these_confirm_only_if_something_was_asked(text: str) -> None:
    assert meaning(text, asked=True) is Answer.CONFIRM
    assert meaning(text, asked=False) is None


def test_stop_all_and_start_are_their_own() -> None:
    assert meaning("StopAll", asked=True) is Answer.STOP_ALL
    assert meaning("הצטרף", asked=False) is Answer.START

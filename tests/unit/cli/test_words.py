"""Each code of the API is said in plain words."""

from __future__ import annotations

import pytest

from chatgrow_cli import words
from chatgrow_client.model_base import OpenEnum
from chatgrow_client.models import Actor, ConnectionState, MessageStatus, Reason


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (ConnectionState, words.STATES),
        (Actor, words.ACTORS),
        (Reason, words.REASONS),
        (MessageStatus, words.STATUSES),
    ],
)
def test_there_are_words_for_each_code_and_no_others(
    codes: type[OpenEnum], told: dict[str, str]
) -> None:
    assert {*told} == {each.value for each in codes}


def test_a_code_of_a_later_version_stands_for_itself() -> None:
    assert words.state("teleporting") == "teleporting"


@pytest.mark.parametrize(("count", "told"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_no_plural(count: int, told: str) -> None:
    assert words.number_of(count, "file") == told

"""What a key of WhatsApp Web says about a message."""

from __future__ import annotations

import pytest

from sessions.conversations.identity import MessageName, parse_key

CHAT, GROUP, AUTHOR = "15551234567@c.us", "120363000000000000@g.us", "71234567890123@lid"


@pytest.mark.parametrize("bare_id", ["3EB0AA", "A_1", "_A", "A__B", "A_"])
def test_an_id_may_have_any_characters(bare_id: str) -> None:
    assert parse_key(f"false_{CHAT}_{bare_id}") == MessageName(False, CHAT, bare_id)
    in_group = parse_key(f"true_{GROUP}_{bare_id}_{AUTHOR}")
    assert in_group == MessageName(True, GROUP, bare_id, AUTHOR)


def test_two_ids_with_the_same_beginning_are_two_messages() -> None:
    one, other = (parse_key(f"false_{CHAT}_A_{n}").unique for n in (1, 2))
    assert one != other


@pytest.mark.parametrize("text", ["", "false", f"false_{CHAT}", f"false_{CHAT}_", "maybe_a@c.us_A"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        parse_key(text)

"""The texts of the pages: the same ones in every language."""

from __future__ import annotations

import string
from collections.abc import Mapping

import pytest

from business.model import CampaignStatus, SubscriberStatus, Trigger
from business.ready_made import READY_TEMPLATES, Trade
from business.templates import VARIABLES
from control_api.pages.languages import Language, Texts
from control_api.routes.provider_pages import INSERTS
from control_api.schemas.webhooks import OFFERED
from sessions.connections.pacing import Pacing
from sessions.connections.states import ConnectionState, Reason
from sessions.conversations.model import MediaState, ReceivedType
from sessions.messages.model import (
    CONVERTING_MEDIA,
    FETCHING_MEDIA,
    MEDIA_KEY_MISSING,
    TEXT_KEY_MISSING,
    WAITS_FOR_MESSAGE,
    MessageStatus,
)
from sessions.webhooks.model import DeliveryStatus, DisabledReason

ENGLISH = Texts.load(Language.ENGLISH).by_key
PLURALS = {Language.ENGLISH: ["one", "other"], Language.HEBREW: ["one", "two", "other"]}
"""The plural categories of each language (Unicode CLDR): texts that count have a form for each."""


def _forms(text: str | Mapping[str, str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text.values())


def _places(text: str | Mapping[str, str]) -> set[str]:
    """Return the names of the places; a form for one or two may do without the number."""
    if not isinstance(text, str):
        general = _places(text["other"])
        assert all(_places(form) | {"n"} == general for form in text.values())
        return general
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", list(Language))
def test_every_language_has_the_same_texts_with_the_same_places(language: Language) -> None:
    texts = Texts.load(language).by_key
    assert list(texts) == list(ENGLISH)
    assert all(form.strip() == form != "" for text in texts.values() for form in _forms(text))
    counting = {key: text for key, text in texts.items() if not isinstance(text, str)}
    assert [list(text) for text in counting.values()] == [PLURALS[language]] * len(counting)
    assert counting.keys() == {key for key, text in ENGLISH.items() if not isinstance(text, str)}
    assert {key: _places(text) for key, text in texts.items()} == {
        key: _places(text) for key, text in ENGLISH.items()
    }


def test_a_text_that_does_not_exist_is_an_error_and_not_a_gap() -> None:
    with pytest.raises(KeyError):
        Texts.load(Language.ENGLISH)("link.no_such_text")


def test_a_template_cannot_count() -> None:
    with pytest.raises(KeyError, match="only scripts"):
        Texts.load(Language.ENGLISH)("messages.waiting.behind_others", n=1)


def test_whatever_a_message_can_wait_for_is_said_in_plain_words() -> None:
    waits = [f"connection_{state}" for state in ConnectionState]
    waits += [reason for _, _, reason in Pacing().windows]
    waits += [TEXT_KEY_MISSING, MEDIA_KEY_MISSING, WAITS_FOR_MESSAGE]
    waits += [FETCHING_MEDIA, CONVERTING_MEDIA]
    said = {f"messages.waiting.{code}" for code in waits}
    said |= {f"messages.detail.{reason}" for reason in Reason}
    said |= {f"messages.status.{status}" for status in MessageStatus}
    assert said - set(ENGLISH) == set()


def test_whatever_a_webhook_can_be_told_of_is_said_in_plain_words() -> None:
    said = {f"webhooks.event.{each}" for each in OFFERED}
    said |= {f"webhooks.off.{reason}" for reason in DisabledReason}
    said |= {f"webhooks.delivery.{status}" for status in DeliveryStatus}
    assert said - set(ENGLISH) == set()


def test_whatever_is_written_to_a_connection_has_a_word() -> None:
    spelled_out = {ReceivedType.TEXT, ReceivedType.REVOKED, ReceivedType.OTHER}
    said = {f"dashboard.said.{each}" for each in {*ReceivedType} - spelled_out}
    said |= {f"conversations.media.{each}" for each in {*MediaState} - {MediaState.STORED}}
    assert said - set(ENGLISH) == set()


def test_whatever_the_business_side_sends_and_tells_is_said_in_plain_words() -> None:
    said = {f"business.common.ready.{each}" for each in READY_TEMPLATES}
    said |= {f"business.sentence.{each}" for each in Trigger}
    said |= {f"business.automations.trigger.{each}" for each in Trigger}
    said |= {f"business.automations.trade.{each}" for each in Trade}
    said |= {f"business.subscribers.status.{each}" for each in SubscriberStatus}
    said |= {f"business.campaigns.status.{each}" for each in CampaignStatus}
    assert said - set(ENGLISH) == set()


def test_every_variable_of_templates_is_offered_and_has_a_word() -> None:
    offered = [each for group in INSERTS.values() for each in group]
    known = {f"{name}.{field}" for name, fields in VARIABLES.items() for field in fields}
    assert {".".join(each.split(".")[:2]) for each in offered} == known - {"customer.attributes"}
    said = {f"business.common.variable.{each}" for each in (*offered, *known)}
    assert said - set(ENGLISH) == {"business.common.variable.customer.attributes"}

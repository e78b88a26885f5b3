"""Turn what a page tells into what the store records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any

from loguru import logger

from chatgrow_worker.page.heard import (
    Heard,
    HeardCard,
    HeardEdit,
    HeardMessage,
    HeardReaction,
    HeardRevocation,
    HeardVote,
    read_heard,
)
from sessions.conversations.identity import parse_key
from sessions.conversations.model import (
    Card,
    Details,
    Place,
    PollAsked,
    ReceivedMedia,
    ReceivedType,
)
from sessions.conversations.seen import Arrival, Edit, Response, Revocation, Sighting
from sessions.messages.responses import Reaction, Vote
from sessions.recipients.address import number_of

_TYPES: Mapping[str, ReceivedType] = MappingProxyType(
    {
        "chat": ReceivedType.TEXT,
        "image": ReceivedType.IMAGE,
        "video": ReceivedType.VIDEO,
        "ptv": ReceivedType.VIDEO,
        "audio": ReceivedType.AUDIO,
        "ptt": ReceivedType.VOICE,
        "document": ReceivedType.DOCUMENT,
        "sticker": ReceivedType.STICKER,
        "location": ReceivedType.LOCATION,
        "vcard": ReceivedType.CONTACT,
        "multi_vcard": ReceivedType.CONTACT,
        "poll_creation": ReceivedType.POLL,
        "ciphertext": ReceivedType.CIPHERTEXT,
        "revoked": ReceivedType.REVOKED,
    }
)
"""Our names for WhatsApp's types (WAWebMsgType)."""
_PHONE = re.compile(r"^(?:[\w-]+\.)?TEL[^:\r\n]*:([^\r\n]+)", re.MULTILINE | re.IGNORECASE)
_PHONES_AT_MOST = 50
_LONGEST_PHONE = 100
"""A contact card is text from outside: it may claim any number of phones, of any length."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sighting_of(items: Iterable[dict[str, Any]]) -> Sighting:
    """Return what a page has told, without what cannot be read."""
    arrivals: list[Arrival] = []
    edits: list[Edit] = []
    revocations: list[Revocation] = []
    responses: list[Response] = []
    for item in items:
        heard = _read(item)
        match heard:
            case HeardMessage():
                arrivals.append(_arrival(heard))
            case HeardEdit():
                number = number_of(heard.number)
                edits.append(Edit(parse_key(heard.key), heard.text, _time(heard.at), number))
            case HeardRevocation():
                number = number_of(heard.number)
                revocations.append(Revocation(parse_key(heard.key), _time(heard.at), number))
            case HeardReaction() | HeardVote():
                responses.append(_response(heard))
    return Sighting(tuple(arrivals), tuple(edits), tuple(revocations), tuple(responses))


def _read(item: dict[str, Any]) -> Heard | None:
    heard = read_heard(item)
    try:
        if heard is not None:
            parse_key(heard.key)
            return heard
    except ValueError:
        pass
    # Its content is not logged; the key names a chat.
    logger.error("The page has told of a {} that cannot be read", item.get("kind"))
    return None


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _arrival(heard: HeardMessage) -> Arrival:
    kind = _TYPES.get(heard.type, ReceivedType.OTHER)
    return Arrival(
        name=parse_key(heard.key),
        whatsapp_key=heard.key,
        sender=heard.sender,
        at=_time(heard.at),
        type=kind,
        from_number=number_of(heard.number),
        sender_name=heard.name,
        whatsapp_type=heard.type if kind is ReceivedType.OTHER else None,
        text=heard.text,
        details=_details(heard),
        media=_media(heard),
        quoted_id=heard.quoted,
        edited_at=None if heard.edited_at is None else _time(heard.edited_at),
        revoked_at=None if heard.revoked_at is None else _time(heard.revoked_at),
        from_history=heard.history,
    )


def _details(heard: HeardMessage) -> Details:
    place, poll = heard.place, heard.poll
    located = place is not None and place.latitude is not None and place.longitude is not None
    return Details(
        location=Place.model_validate(place.model_dump()) if place and located else None,
        contacts=tuple(map(_card, heard.cards)),
        poll=PollAsked.model_validate(poll.model_dump()) if poll else None,
    )


def _card(heard: HeardCard) -> Card:
    found = islice(_PHONE.finditer(heard.vcard or ""), _PHONES_AT_MOST)
    return Card(name=heard.name, phones=tuple(each[1].strip()[:_LONGEST_PHONE] for each in found))


def _media(heard: HeardMessage) -> ReceivedMedia | None:
    file = heard.file
    if file is None:
        return None
    return ReceivedMedia(
        mimetype=file.mimetype,
        size=file.size,
        filename=file.filename,
        sha256=file.sha256,
        seconds=None if file.seconds is None else round(file.seconds),
    )


def _response(heard: HeardReaction | HeardVote) -> Response:
    if isinstance(heard, HeardReaction):
        reaction = Reaction(sender=heard.sender, emoji=heard.emoji, at=_time(heard.at))
        return Response(parse_key(heard.key), reaction)
    at = _EPOCH + timedelta(milliseconds=heard.at_ms)
    vote = Vote(sender=heard.sender, options=heard.options, at=at)
    return Response(parse_key(heard.key), vote)

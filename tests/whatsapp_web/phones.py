"""Let the phones that we hold say something, and change what was said."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from tests.whatsapp_web.accounts import Account, Accounts
from tests.whatsapp_web.media import MediaStore, direct_path
from tests.whatsapp_web.numbers import digits
from tests.whatsapp_web.outgoing import Outgoing
from tests.whatsapp_web.relay import Relay
from tests.whatsapp_web.rooms import Rooms

Body = Mapping[str, Any]

AS: Mapping[str, str] = MappingProxyType(
    {
        "image": "image",
        "video": "video",
        "audio": "audio",
        "voice": "ptt",
        "document": "document",
        "sticker": "sticker",
    }
)
"""How a phone may send a file, and the type that WhatsApp Web gives it."""


class Phones:
    """The phones that we hold, and what they do in their chats."""

    def __init__(self, accounts: Accounts, rooms: Rooms, media: MediaStore, relay: Relay) -> None:
        self._accounts = accounts
        self._rooms = rooms
        self._media = media
        self._relay = relay

    async def say(self, number: str, body: Body) -> str:
        """Send a text or a file to a number or into a group, and return the message's id."""
        speaker = await self._accounts.account(number)
        address = await self._address(speaker, body)
        content = await self._content(body)
        content |= await self._quote(speaker, body.get("replyTo") or body.get("quoted"))
        kind = "media" if "directPath" in content else "text"
        outgoing = Outgoing(_new_id(), address, kind, content)
        await self._relay.speak(speaker, address, outgoing)
        return outgoing.id

    async def react(self, number: str, body: Body) -> str:
        """React to a message with a sign; an empty one takes the reaction back."""
        return await self._change(number, body, {"type": "reaction", "reactionText": body["emoji"]})

    async def edit(self, number: str, body: Body) -> str:
        """Change the text of a message that the phone has sent."""
        edit = {"type": "protocol", "subtype": "message_edit", "body": str(body["text"])}
        return await self._change(number, body, edit)

    async def revoke(self, number: str, body: Body) -> str:
        """Revoke, for all, a message that the phone has sent."""
        return await self._change(number, body, {"type": "protocol", "subtype": "sender_revoke"})

    async def vote(self, number: str, body: Body) -> str:
        """Vote for options of a poll, by their names; for none: take the vote back."""
        options = [str(option) for option in body["options"]]
        kept = await self._relay.known(await self._accounts.account(number), _bare(str(body["id"])))
        unknown = sorted(set(options) - set(kept.options if kept else ()))
        if kept and unknown:
            raise ValueError(f"not an option of this poll: {', '.join(unknown)}")
        now = int(datetime.now(UTC).timestamp() * 1000)
        vote = {"type": "poll_update", "options": options, "senderTimestampMs": now}
        return await self._change(number, body, vote)

    async def _change(self, number: str, body: Body, message: dict[str, Any]) -> str:
        """Do something to the message with the id of the body, and return the id of the deed."""
        actor = await self._accounts.account(number)
        target = _bare(str(body["id"]))
        outgoing = Outgoing(_new_id(), "", "text", {**message, "target": target})
        await self._relay.change(actor, outgoing)
        return outgoing.id

    async def _address(self, speaker: Account, body: Body) -> str:
        """Return the number, or the id of the group, that a phone speaks to."""
        if "from" not in body:
            return (await self._accounts.account(digits(str(body["to"])))).digits
        room = await self._rooms.room(str(body["from"]))
        if room is None:
            raise ValueError(f"no such group: {body['from']}")
        if speaker.digits not in room.members:
            raise ValueError(f"{speaker.digits} is not in {room.id}")
        return room.id

    async def _content(self, body: Body) -> dict[str, Any]:
        if "media" in body:
            return await self._file(body)
        if "as" in body:
            raise ValueError("as needs media")
        for name, make in _CONTENTS.items():
            if name in body:
                return make(body[name])
        return {"type": "chat", "body": str(body["text"])}

    async def _file(self, body: Body) -> dict[str, Any]:
        """Store a file as if the phone had uploaded it, and return the message about it."""
        given, content = body["media"], _decoded(body["media"])
        mimetype = str(given["mimetype"])
        stored = await self._media.put(content, mimetype)
        message: dict[str, Any] = {
            "type": _type_of(mimetype, body.get("as")),
            "mimetype": mimetype,
            "size": len(content),
            "filehash": base64.b64encode(hashlib.sha256(content).digest()).decode(),
            "directPath": direct_path(stored.id),
            "mediaKey": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        optional = {"filename": given.get("filename"), "caption": body.get("text")}
        return message | {name: text for name, text in optional.items() if text is not None}

    async def _quote(self, speaker: Account, quoted: str | None) -> dict[str, Any]:
        """Return what a reply carries about the message that it answers."""
        if quoted is None:
            return {}
        kept = await self._relay.known(speaker, _bare(quoted))
        if kept is None:
            return {"quotedStanzaID": _bare(quoted)}
        author = await self._accounts.account(kept.sender)
        wid = author.lid_wid if "@" in kept.recipient else author.chat_wid
        about = {"type": kept.type, "body": kept.text}
        return {"quotedStanzaID": kept.id, "quotedParticipant": wid, "quotedMsg": about}


def _new_id() -> str:
    return "3A" + secrets.token_hex(9).upper()


def _bare(message_id: str) -> str:
    """Return the message's own id out of a key such as `true_15551234567@c.us_3EB0…`."""
    parts = message_id.split("_")
    return parts[2] if parts[0] in ("true", "false") and len(parts) > 2 else message_id


def _location(given: Body) -> dict[str, Any]:
    place = {"lat": float(given["lat"]), "lng": float(given["lng"])}
    return {"type": "location", **place, "loc": str(given.get("name", ""))}


def _contact(given: Body) -> dict[str, Any]:
    name, number = str(given["name"]), digits(str(given["number"]))
    tel = f"TEL;waid={number}:+{number}"
    vcard = "\n".join(["BEGIN:VCARD", "VERSION:3.0", f"FN:{name}", tel, "END:VCARD"])
    return {"type": "vcard", "body": vcard, "vcardFormattedName": name}


def _poll(given: Body) -> dict[str, Any]:
    options = [{"name": str(name), "localId": place} for place, name in enumerate(given["options"])]
    question = {"pollName": str(given["name"]), "pollSelectableOptionsCount": 0}
    return {"type": "poll_creation", **question, "pollOptions": options}


_CONTENTS: Mapping[str, Callable[[Body], dict[str, Any]]] = MappingProxyType(
    {"location": _location, "contact": _contact, "poll": _poll}
)
"""What a phone may say instead of a text."""


def _decoded(media: Body) -> bytes:
    try:
        return base64.b64decode(str(media["base64"]), validate=True)
    except binascii.Error as error:
        raise ValueError(f"media.base64 is not Base64: {error}") from error


def _type_of(mimetype: str, wish: Any) -> str:
    if wish is not None:
        if wish not in AS:
            raise ValueError(f"as must be one of {', '.join(AS)}")
        return AS[wish]
    kind = mimetype.partition("/")[0]
    return kind if kind in ("image", "video", "audio") else "document"

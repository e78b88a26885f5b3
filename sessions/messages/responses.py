"""What people do to a message, sent or received: reactions, and votes in a poll."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from sessions.storage.bounded_arrays import left_out, newest
from sessions.storage.record import Record


class Reaction(Record):
    """The last reaction of one person to a message; without an emoji it was taken back."""

    sender: str = Field(alias="from")
    """The WhatsApp id of the account that reacted."""
    emoji: str | None = None
    at: datetime
    from_me: bool = False
    """Whether our own account reacted."""


class Vote(Record):
    """The last vote of one person in a poll; without options it was taken back."""

    sender: str = Field(alias="from")
    """The WhatsApp id of the account that voted."""
    options: tuple[str, ...] = ()
    at: datetime


def news_of(field: str, response: Reaction | Vote) -> dict[str, Any]:
    """Return the filter for messages to which this response is news.

    `field` is the array with the last response of each person. WhatsApp gives times to the second,
    so another response of the same second counts. A response that takes back what is not there is
    no news.
    """
    value = "emoji" if isinstance(response, Reaction) else "options"
    said = response.model_dump(by_alias=True)[value]
    of_them = {"from": {"$eq": response.sender}}
    if not said:
        given = {"at": {"$lte": response.at}, value: {"$nin": [None, []]}}
        return {field: {"$elemMatch": {**of_them, **given}}}
    later, same = {"at": {"$gt": response.at}}, {"at": response.at, value: {"$eq": said}}
    return {field: {"$not": {"$elemMatch": {**of_them, "$or": [later, same]}}}}


def with_response(field: str, response: Reaction | Vote) -> dict[str, Any]:
    """Return the fields with this response in place of an earlier one of the same person.

    A group may have thousands of people: the array keeps those who have answered last, and
    `…LeftOut` counts the others.
    """
    others = {
        "$filter": {
            "input": {"$ifNull": [f"${field}", []]},
            "cond": {"$ne": ["$$this.from", {"$literal": response.sender}]},
        }
    }
    answers = {"$concatArrays": [others, [{"$literal": response.model_dump(by_alias=True)}]]}
    before = {"$ifNull": [f"${field}LeftOut", 0]}
    return {
        field: newest(answers),
        f"{field}LeftOut": {"$add": [before, left_out(answers)]},
    }

"""The models of signed links and of the requests of their pages."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints, WithJsonSchema

from control_api.phone_linking.link_stages import Stage
from control_api.schemas.base import Answer, Body
from sessions.common.json_values import WrittenTimestamp


class QrLinkView(Answer):
    """A signed link to a page that links a phone, and when it expires."""

    url: str
    expires_at: WrittenTimestamp


class LinkHeaders(BaseModel):
    """The header of a link's page: the token after the `#` of its address."""

    token: str = Field("", alias="X-Link-Token")


class StateQuery(Body):
    """GET /link/state: the version seen last, and how many seconds to wait for another one."""

    seen: Annotated[str, StringConstraints(max_length=64)] | None = None
    wait: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)] = 0


class PhoneRequest(Body):
    """POST /link/pairing-code: the phone to link, as people write its number."""

    phone_number: Annotated[
        str,
        StringConstraints(max_length=100),
        WithJsonSchema({"type": "string", "format": "phone-number", "examples": ["+972501234567"]}),
    ]


class LinkCode(Answer):
    """The QR code on show, valid for some seconds; no time, as the viewer's clock may be wrong."""

    svg: str
    expires_in_seconds: float


class LinkState(Answer):
    """The progress of linking, with the QR code on show; `version` identifies this answer."""

    connection: str
    """The name of the connection."""
    link_expires_at: WrittenTimestamp
    stage: Stage
    version: str
    qr: LinkCode | None = None


class LinkPairing(Answer):
    """A pairing code in the form to type on the phone, and for how many seconds it works."""

    code: str
    expires_in_seconds: float

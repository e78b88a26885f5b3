"""Read requests and write answers, the same way in every handler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from control_api.problems import (
    InvalidParameterError,
    MalformedJsonError,
    UnsupportedMediaTypeError,
)

_LONGEST_KEY = 255
Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: web.Request, model: type[Model]) -> Model:
    """Read a JSON body into its model.

    Raises UnsupportedMediaTypeError, MalformedJsonError, or pydantic's ValidationError, which
    names each field.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaTypeError("Send the body as Content-Type: application/json.")
    try:
        body = json.loads(await request.read())
    except json.JSONDecodeError as error:
        raise MalformedJsonError(f"The body is not JSON: {error}.") from error
    except UnicodeDecodeError as error:
        raise MalformedJsonError("The body is not UTF-8.") from error
    except (RecursionError, ValueError) as error:
        raise MalformedJsonError("The body nests too deep or holds a number too long.") from error
    return model.model_validate(body)


def answer(
    model: BaseModel, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Write a model as JSON, without the fields that have no value."""
    return web.Response(
        body=model.model_dump_json(by_alias=True, exclude_none=True).encode(),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def read_idempotency_key(request: web.Request) -> str | None:
    """Read the header Idempotency-Key; raise InvalidParameterError for one we cannot keep."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= _LONGEST_KEY and key.isprintable()):
        raise InvalidParameterError(
            "Idempotency-Key", f"Give 1 to {_LONGEST_KEY} printable characters."
        )
    return key


def read_wait(request: web.Request, longest: timedelta) -> timedelta:
    """Read `?wait=SECONDS`, none when it is not there; raise InvalidParameterError."""
    text = request.query.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= longest.total_seconds():
        raise InvalidParameterError(
            "wait", f"Give seconds from 0 to {longest.total_seconds():g}, not {text[:40]!r}."
        )
    return timedelta(seconds=seconds)

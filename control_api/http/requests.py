"""Read requests and write responses, the same way in every handler."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from control_api.http.bodies import receive
from control_api.http.problems import (
    InvalidFieldsError,
    InvalidParameterError,
    MalformedJsonError,
    UnsupportedMediaTypeError,
)
from sessions.common.errors import DomainError

_LONGEST_NAME = 100
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?', re.DOTALL)
"""A string of JSON, and the colon behind it if it is a key."""
_MOST_KEYS = 50_000
Model = TypeVar("Model", bound=BaseModel)


async def read_body(
    request: web.Request,
    model: type[Model],
    most_bytes: int | None = None,
    context: object = None,
) -> Model:
    """Read a JSON body into its model, strictly: "5" is not a number.

    Its validators get the `context`. A byte order mark, which some programs write, is ignored.
    Raises UnsupportedMediaTypeError, MalformedJsonError, InvalidFieldsError, which names each
    field, InvalidParameterError for far too many fields, and what `receive` raises.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaTypeError("Send the body as Content-Type: application/json.")
    body = (await receive(request, most_bytes)).removeprefix(BOM_UTF8)
    if len(body) > request.client_max_size:
        _check_keys(body)
    try:
        return model.model_validate_json(body, strict=True, context=context)
    except ValidationError as error:
        raise _refusal_of(error, body) from None


def _check_keys(body: bytes) -> None:
    """Raise InvalidParameterError for a large body with more fields than any good one has.

    Each unknown field is a mistake of its own: millions of them would hold up all other requests.
    """
    if body.count(b":") <= _MOST_KEYS:
        return  # as nearly always, and counted a hundred times as fast
    found = (each for each in _STRING.finditer(body) if each[1])
    if next(islice(found, _MOST_KEYS, None), None) is not None:
        raise InvalidParameterError("(body)", f"There are more than {_MOST_KEYS} fields in it.")


def _refusal_of(error: ValidationError, body: bytes) -> DomainError:
    if error.error_count() == 1:
        (only,) = error.errors(include_url=False, include_context=False, include_input=False)
        if only["type"] == "json_invalid":
            if not _is_utf_8(body):
                return MalformedJsonError("The body is not UTF-8, which JSON has to be.")
            why = only["msg"].removeprefix("Invalid JSON: ")
            return MalformedJsonError(f"The body is not JSON: {why}.")
    return InvalidFieldsError(error)


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def answer(
    model: BaseModel, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a model as a JSON response, without empty fields."""
    return web.Response(
        body=model.model_dump_json(by_alias=True, exclude_none=True).encode(),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def read_query(request: web.Request, model: type[Model], ignored: Sequence[str] = ()) -> Model:
    """Read the query into its model; an empty value counts as not given.

    Raises InvalidFieldsError, and InvalidParameterError for an unknown or repeated parameter.
    """
    # Its keys alone come once each, however often they were given.
    names = Counter(name for name, _ in request.query.items())
    for name, times in names.items():
        if times > 1:
            raise InvalidParameterError(name[:_LONGEST_NAME], "Give this parameter once.")
    known = {field.alias or name for name, field in model.model_fields.items()}
    for name in set(names) - known - set(ignored):
        raise InvalidParameterError(name[:_LONGEST_NAME], "There is no such parameter.")
    given = {name: value for name, value in request.query.items() if value and name in known}
    return _validated(model, given)


def read_headers(request: web.Request, model: type[Model]) -> Model:
    """Read the headers that the model's aliases name; raise InvalidFieldsError."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    given = {name: request.headers[name] for name in names if name in request.headers}
    return _validated(model, given)


def _validated(model: type[Model], given: Mapping[str, str]) -> Model:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InvalidFieldsError(error) from None

"""Make the OpenAPI 3.1 document from the declared endpoints and their models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from control_api.credentials.csrf import SAFE_METHODS
from control_api.endpoints.declaration import Answer, Endpoint
from control_api.http.problem_codes import STATUS_OF_CODE
from control_api.schemas.base import FieldProblem
from sessions.common.callers import Role

_SOME_TEXT = {"type": "string", "minLength": 1}
_PATH = {
    "chatId": _SOME_TEXT | {"format": "whatsapp-recipient", "examples": ["+972501234567"]},
    "number": _SOME_TEXT | {"format": "whatsapp-recipient", "examples": ["+972501234567"]},
    "phone": _SOME_TEXT | {"format": "phone-number", "examples": ["+972501234567"]},
}
"""The schemas of path parameters that are more than just text."""
_FILE = {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
    },
}
"""The ways to send a file."""
_EXAMPLES = {"text/csv": "name,phone\nDana,+972 54-123-4567\n"}
"""Examples of bodies that are not JSON."""
_TABLE = {"type": "string", "minLength": 1, "format": "csv-table"}
_REF = "#/components/schemas/{model}"
Models = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]


class Problem(BaseModel):
    """An error (RFC 9457); `code` is stable, and more members may follow."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] | None = None
    retry_after_seconds: int | None = Field(None, alias="retryAfterSeconds")


def document(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """Return the whole document."""
    declared = list(endpoints)
    models, definitions = models_json_schema(
        sorted(_models(declared), key=lambda each: (each[0].__name__, each[1])),
        ref_template=_REF,
    )
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in declared:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, models)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ChatGrow worker control API",
            "version": version,
            "description": "Create connections, link phones, send WhatsApp messages and follow "
            "what becomes of them. Every error is `application/problem+json` with a stable `code`.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
    }


def _models(endpoints: Iterable[Endpoint]) -> set[tuple[type[BaseModel], JsonSchemaMode]]:
    found: set[tuple[type[BaseModel], JsonSchemaMode]] = {(Problem, "serialization")}
    for endpoint in endpoints:
        asked = (endpoint.body, endpoint.query, endpoint.headers)
        found |= {(model, "validation") for model in asked if model is not None}
        for content in map(_content, endpoint.answers.values()):
            found |= {(model, "serialization") for model in content.values() if model is not None}
    return found


def _content(answer: Answer) -> Mapping[str, type[BaseModel] | None]:
    if answer is None:
        return {}
    return answer if isinstance(answer, Mapping) else {"application/json": answer}


def _operation(endpoint: Endpoint, models: Models) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, models),
        "security": _security(endpoint),
    }
    if endpoint.needs or endpoint.admin:
        needs = ["an administrator"] if endpoint.admin else []
        needs += [f"the scope `{endpoint.needs}`"] if endpoint.needs else []
        described["description"] = f"Needs {' and '.join(needs)}."
    if endpoint.body is not None:
        described["requestBody"] = _request_body(endpoint, endpoint.body, models)
    if endpoint.takes_file:
        described["requestBody"] = {"required": True, "content": _FILE}
    if endpoint.accepts is not None:
        text = {"schema": _TABLE, "example": _EXAMPLES[endpoint.accepts]}
        described["requestBody"] = {"required": True, "content": {endpoint.accepts: text}}
    return described


def _security(endpoint: Endpoint) -> list[dict[str, list[str]]]:
    """Return the ways to authenticate, with the scopes and roles that are needed."""
    if endpoint.open:
        return []
    needs = [Role.ADMIN.value] if endpoint.admin else []
    needs += [endpoint.needs.value] if endpoint.needs else []
    return [{"bearer": needs}, {"apiKey": needs}]


def _request_body(endpoint: Endpoint, body: type[BaseModel], models: Models) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": models[body, "validation"]}
    if endpoint.example is not None:
        content["example"] = dict(endpoint.example)
    return {
        "required": not endpoint.body_optional,
        "content": {"application/json": content},
    }


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": _PATH.get(name, _SOME_TEXT)}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    owner = {
        "name": "owner",
        "in": "query",
        "required": False,
        "description": "An administrator names somebody else's connections: a user's id or e-mail.",
        "allowEmptyValue": True,
        "schema": {"type": "string", "minLength": 1},
    }
    return [
        *path,
        *_of_model(endpoint.query, "query"),
        *_of_model(endpoint.headers, "header"),
        *([owner] if endpoint.owned else []),
    ]


def _of_model(model: type[BaseModel] | None, place: str) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(by_alias=True, ref_template=_REF)
    named = schema.get("$defs", {})
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": place,
            "required": name in required,
            # An empty value counts as not given.
            **({"allowEmptyValue": True} if place == "query" and name not in required else {}),
            "schema": _in_place(_without_null(each), named),
        }
        for name, each in schema.get("properties", {}).items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Remove null from a schema: a parameter is not null, but missing."""
    kinds = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    rest = {
        name: value
        for name, value in schema.items()
        if name not in ("anyOf", "title") and value is not None
    }
    return {**rest, **kinds[0]}


def _in_place(schema: dict[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = named.get(name, schema)
    return found


def _responses(endpoint: Endpoint, models: Models) -> dict[str, Any]:
    responses = {
        str(status): _response(status, _content(answer), models)
        for status, answer in endpoint.answers.items()
    }
    problem = {"application/problem+json": {"schema": models[Problem, "serialization"]}}
    for status, codes in sorted(_problems(endpoint).items()):
        responses.setdefault(
            str(status),
            {"description": " or ".join(f"`{code}`" for code in codes), "content": problem},
        )
    return responses


def _response(
    status: int, content: Mapping[str, type[BaseModel] | None], models: Models
) -> dict[str, Any]:
    described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if content:
        described["content"] = {
            media_type: {"schema": models[model, "serialization"]} if model else {}
            for media_type, model in content.items()
        }
    return described


def _problems(endpoint: Endpoint) -> dict[int, list[str]]:
    """Return the codes that an endpoint may answer with, by status."""
    codes = [*endpoint.problems, "rate_limited", "store_unavailable", "host_not_allowed"]
    if not endpoint.open:
        codes += ["unauthorized", "sign_in_expired", "forbidden"]
        codes += [] if endpoint.method in SAFE_METHODS else ["csrf"]
    if endpoint.owned:
        codes += ["user_not_found"]
    if endpoint.query or endpoint.headers or not endpoint.open:
        codes += ["invalid_parameter", "invalid_fields"]
    if endpoint.accepts is not None:
        codes += ["malformed_body", "request_timeout", "request_entity_too_large"]
        codes += ["unsupported_media_type"]
    if endpoint.body is not None:
        codes += [
            "malformed_json",
            "malformed_body",
            "request_timeout",
            "unsupported_media_type",
            "request_entity_too_large",
            "invalid_fields",
        ]
    if endpoint.takes_file:
        codes += ["malformed_body", "request_timeout"]
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(STATUS_OF_CODE[code], []).append(code)
    return by_status

"""Handlers for templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web

from business.errors import TemplateInvalidError, ValueMissingError
from business.examples import EXAMPLES
from business.model import Language, Template
from business.ready_made import READY_TEMPLATES
from business.templates import check_variable, render, text_in
from control_api.auth.identity import owner_of, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.operations.business import EVERY_POST, business_of, created, make_once
from control_api.schemas.business.fields import RequestHeaders
from control_api.schemas.business.templates import (
    PreviewText,
    PreviewWish,
    TemplateList,
    TemplateQuery,
    TemplateView,
    TemplateWish,
    TextPreviewWish,
)
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Templates", owned=True)

_NOT_FOUND = ("template_not_found",)


@routes.post(
    "/api/templates",
    needs=Scope.BUSINESS,
    answers={201: TemplateView},
    problems=(*EVERY_POST, "template_invalid"),
    example={
        "name": "Reminder",
        "texts": {"en": "Hello {{customer.firstName}}, see you {{appointment.startsAt | date}}."},
    },
)
async def create(request: web.Request, body: TemplateWish, headers: RequestHeaders) -> web.Response:
    """Save a template; a variable that does not exist is refused."""
    business, services = business_of(request), request.app[SERVICES]
    owner = owner_of(request)

    async def make(record_id: str) -> Template:
        fields = body.to_fields()
        wanted = Template(id=record_id, owner=owner, created_at=services.now(), **fields)
        return await business.automations.save_template(wanted)

    made, ticket = await make_once(
        request, headers, make, lambda record_id: business.stores.templates.find(owner, record_id)
    )
    return created(_view(request, made), ticket, f"/api/templates/{made.id}")


@routes.get("/api/templates", needs=Scope.BUSINESS, answers={200: TemplateList})
async def index(request: web.Request, query: TemplateQuery) -> web.Response:
    """List templates, newest first, page by page; or those that come with the program."""
    templates = business_of(request).stores.templates
    if query.ready_made:
        ready = [_view(request, each) for each in READY_TEMPLATES.values()]
        return answer(TemplateList(items=ready))
    found, cursor = await templates.page(seen_owner(request), {}, query.cursor, query.limit)
    return answer(TemplateList(items=[_view(request, each) for each in found], cursor=cursor))


@routes.get(
    "/api/templates/{id}", needs=Scope.BUSINESS, answers={200: TemplateView}, problems=_NOT_FOUND
)
async def show(request: web.Request) -> web.Response:
    """Show a template, also a ready-made one."""
    return answer(_view(request, await _template(request)))


@routes.put(
    "/api/templates/{id}",
    needs=Scope.BUSINESS,
    answers={200: TemplateView},
    problems=(*_NOT_FOUND, "template_invalid", "template_unsuitable"),
    example={"name": "Reminder", "texts": {"en": "Hello {{customer.firstName}}, see you soon."}},
)
async def replace(request: web.Request, body: TemplateWish) -> web.Response:
    """Replace a template; messages that wait are written anew."""
    business = business_of(request)
    found = await business.stores.templates.find(seen_owner(request), request.match_info["id"])
    changed = await business.automations.change_template(found, body.to_fields())
    return answer(_view(request, changed))


@routes.delete(
    "/api/templates/{id}",
    needs=Scope.BUSINESS,
    answers={204: None},
    problems=(*_NOT_FOUND, "in_use"),
)
async def remove(request: web.Request) -> web.Response:
    """Delete a template that no automation and no open campaign sends."""
    business = business_of(request)
    found = await business.stores.templates.find(seen_owner(request), request.match_info["id"])
    await business.automations.remove_template(found)
    return web.Response(status=HTTPStatus.NO_CONTENT)


@routes.post(
    "/api/templates/{id}/preview",
    needs=Scope.BUSINESS,
    answers={200: PreviewText},
    problems=(*_NOT_FOUND, "template_invalid", "template_value_missing"),
    example={"variables": {"customer.firstName": "Dana"}, "language": "en"},
)
async def preview(request: web.Request, body: PreviewWish, headers: RequestHeaders) -> web.Response:
    """Show the text that a person would get; nothing is stored, so repeating it is harmless."""
    template = await _template(request)
    text, language = text_in(template.texts, body.language)
    return _written(request, body, text, language)


@routes.post(
    "/api/templates/preview",
    needs=Scope.BUSINESS,
    answers={200: PreviewText},
    problems=("template_invalid", "template_value_missing"),
    example={"draft": "Hello {{customer.firstName}}", "language": "en"},
)
async def preview_draft(
    request: web.Request, body: TextPreviewWish, headers: RequestHeaders
) -> web.Response:
    """Show what a text that is not stored would say; nothing is stored here either."""
    return _written(request, body, body.draft, body.language)


def _written(
    request: web.Request, body: PreviewWish, text: str, language: Language
) -> web.Response:
    zone = body.time_zone or business_of(request).default_zone
    written = render(text, _values(body.variables, language), language, zone)
    return answer(PreviewText(text=written, language=language))


def _view(request: web.Request, template: Template) -> TemplateView:
    """Show a template with what it says to somebody; a text that lacks a value says nothing."""
    zone = business_of(request).default_zone
    samples: dict[Language, str] = {}
    for language, text in template.texts.items():
        with suppress(TemplateInvalidError, ValueMissingError):
            samples[language] = render(text, EXAMPLES[language], language, zone)
    return TemplateView.of(template, samples)


async def _template(request: web.Request) -> Template:
    automations = business_of(request).automations
    return await automations.template(seen_owner(request), request.match_info["id"])


def _values(
    given: Mapping[str, str | dict[str, str]], language: Language
) -> dict[str, dict[str, Any]]:
    """Return example values with the given ones in their places; times are read as such.

    Raises TemplateInvalidError for a variable that does not exist.
    """
    values = {name: dict(each) for name, each in EXAMPLES[language].items()}
    for path, text in _flat(given):
        check_variable(path)
        match path.split("."):
            case [name, "attributes", attribute]:
                values[name]["attributes"] = values[name]["attributes"] | {attribute: text}
            case [name, field]:
                values[name][field] = _read(text) if field in ("startsAt", "endsAt") else text
    return values


def _flat(given: Mapping[str, str | dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield each value with the whole name of its variable."""
    for name, value in given.items():
        if isinstance(value, str):
            yield name, value
        else:
            yield from ((f"{name}.{inner}", text) for inner, text in value.items())


def _read(text: str) -> datetime | str:
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        return text

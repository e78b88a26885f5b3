"""Templates: texts with variables, checked when they are saved, written out when planned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, TemplateError, UndefinedError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import TypeAdapter, ValidationError

from business.errors import TemplateInvalidError, ValueMissingError
from business.model import Language
from business.words import written_date, written_day
from sessions.messages.fields import MessageText
from sessions.messages.visible_text import is_visible

_Read = TypeVar("_Read")
Values = Mapping[str, Mapping[str, Any]]
LONGEST = 4096
"""Characters in the text of a template."""
VARIABLES: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"name", "firstName", "phone", "attributes"}),
    "appointment": frozenset({"service", "startsAt", "endsAt", "location"}),
    "event": frozenset({"name", "startsAt", "endsAt", "location"}),
    "subscriber": frozenset({"list"}),
    "connection": frozenset({"name", "phone"}),
}
"""All variables; `customer` is the person who gets the message, also a subscriber."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}", re.ASCII)
_OPEN = {"attributes"}
"""Variables below which providers choose the names."""
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Filter,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)
"""What a template may consist of: no loops, calls, assignments or arithmetic."""
_DEEPEST = 16
"""How deep parts may lie in each other: Jinja2 compiles a long chain of filters for seconds."""
_OF_TIMES = {"date", "day", "time"}
_TIMES = {"startsAt", "endsAt"}


class _Fields:
    """Values by name and nothing else: a name such as `items` is no method here."""

    def __init__(self, values: Mapping[str, Any], path: str) -> None:
        self.__values = values
        self._path = path

    def __getitem__(self, name: str) -> object:
        value = self.__values[name]
        return _Fields(value, f"{self._path}.{name}") if isinstance(value, Mapping) else value


class _Missing(StrictUndefined):
    """A value that is not there: `if` may ask for it, and writing it out is an error."""

    @property
    def _undefined_message(self) -> str:
        above = getattr(self._undefined_obj, "_path", None)
        return f"{above}.{self._undefined_name}" if above else str(self._undefined_name)

    def __bool__(self) -> bool:  # type: ignore[override]  # declared an error there
        return False


def _in_language(write: Callable[[datetime, Language], str]) -> Callable[[Context, object], str]:
    @pass_context
    def written(context: Context, moment: object) -> str:
        if isinstance(moment, _Missing):
            raise UndefinedError(moment._undefined_message)
        if not isinstance(moment, datetime):
            raise TypeError("this is no time")
        zone = ZoneInfo(context["zone"])
        return write(moment.astimezone(zone), Language(context["language"]))

    return written


def _local_time(moment: datetime, language: Language) -> str:
    return f"{written_date(moment, language)}, {moment:%H:%M}"


@pass_context
def _written(context: Context, value: object) -> object:
    """Write a time that no filter has written as people of the place do, and not in UTC."""
    return _in_language(_local_time)(context, value) if isinstance(value, datetime) else value


def _default(value: object, other: str = "") -> object:
    return other if isinstance(value, StrictUndefined) else value


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=_Missing, autoescape=False, finalize=_written
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    environment.filters.update(
        date=_in_language(written_date),
        day=_in_language(written_day),
        time=_in_language(lambda moment, _: f"{moment:%H:%M}"),
        default=_default,
        upper=lambda value: str(value).upper(),
    )
    return environment


_ENVIRONMENT = _environment()


def check(text: str) -> None:
    """Check the text of a template; raise TemplateInvalidError, which says what is wrong."""
    tree = _read(_ENVIRONMENT.parse, text)
    _check_nodes(tree)
    # Jinja2 computes constants when it compiles, such as a text of a gigabyte.
    _read(_ENVIRONMENT.from_string, text)
    for path in _paths(tree):
        _check_path(path)
    if not _shows(tree):
        raise TemplateInvalidError("There is nothing to see in this text.")


def check_variable(name: str) -> None:
    """Raise TemplateInvalidError for a variable that does not exist."""
    _check_path(tuple(name.split(".")))


def needed(text: str, values: Values) -> list[str]:
    """Return the variables that a text cannot do without and these values lack.

    It can do without what only an `if` asks for, and what has a `default`.
    """
    given = {name: dict(each) for name, each in values.items()}
    found: list[str] = []
    while (name := _missing(text, given)) is not None and name not in found:
        found.append(name)
        group, _, field = name.partition(".")
        _fill(given.setdefault(group, {}), field)
    return found


def _missing(text: str, values: Values) -> str | None:
    try:
        render(text, values, Language.EN, "UTC")
    except ValueMissingError as error:
        return error.members.get("variable")
    except TemplateInvalidError:
        return None
    return None


def _fill(group: dict[str, Any], field: str) -> None:
    """Give a variable of a group some value."""
    outer, _, inner = field.partition(".")
    if inner:
        group[outer] = {**group.get(outer, {}), inner: "."}
    else:
        group[field] = datetime(2030, 1, 31, tzinfo=UTC) if field in _TIMES else "."


def _read(read: Callable[[str], _Read], text: str) -> _Read:
    try:
        return read(text)
    except TemplateError as error:
        why = (error.message or "").rstrip(".")
        raise TemplateInvalidError(f"The text cannot be read: {why}.") from error
    except (RecursionError, SyntaxError, MemoryError, OverflowError, ValueError) as error:
        raise TemplateInvalidError("The text cannot be read: it is nested too deep.") from error


def _shows(tree: nodes.Template) -> bool:
    """Tell whether a text may show anything: it has a value, or something visible of its own."""
    parts = [part for output in tree.find_all(nodes.Output) for part in output.nodes]
    return any(
        not isinstance(part, nodes.TemplateData) or any(map(is_visible, part.data))
        for part in parts
    )


def _check_nodes(tree: nodes.Template) -> None:
    for node, depth in _below(tree):
        if depth > _DEEPEST:
            raise TemplateInvalidError("The text cannot be read: it is nested too deep.")
        if not isinstance(node, _ALLOWED):
            kind = type(node).__name__
            raise TemplateInvalidError(
                f"A text cannot have this: {kind}. It has variables, and if."
            )
        if isinstance(node, nodes.Filter):
            _check_filter(node)


def _check_filter(node: nodes.Filter) -> None:
    """Refuse a filter that is unknown, or that no value could go through."""
    if node.name not in _ENVIRONMENT.filters:
        raise TemplateInvalidError(f"There is no filter {node.name!r}.")
    if len(node.args) > (1 if node.name == "default" else 0):
        raise TemplateInvalidError(f"The filter {node.name!r} does not take that many values.")
    if node.name in _OF_TIMES and not _is_time(node.node):
        raise TemplateInvalidError(
            f"The filter {node.name!r} is for times, as in {{{{appointment.startsAt | date}}}}."
        )


def _is_time(node: nodes.Node | None) -> bool:
    if isinstance(node, nodes.Filter) and node.name == "default":
        return _is_time(node.node)
    return isinstance(node, nodes.Getattr) and node.attr in _TIMES


def _below(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int]]:
    """Yield all nodes with their depth; without recursion, since a text may be nested deep."""
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in node.iter_child_nodes())


def _paths(node: nodes.Node) -> Iterator[tuple[str, ...]]:
    """Yield the variables that a text names, each as its parts."""
    if isinstance(node, nodes.Getattr | nodes.Name):
        yield _path(node)
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def _path(node: nodes.Node) -> tuple[str, ...]:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr):
        return (*_path(node.node), node.attr)
    raise TemplateInvalidError("Write variables like {{customer.firstName}}.")


def _check_path(path: tuple[str, ...]) -> None:
    known = len(path) > 1 and path[1] in VARIABLES.get(path[0], ())
    depth = 3 if known and path[1] in _OPEN else 2
    if not known or len(path) != depth or not all(map(_NAME.fullmatch, path)):
        name = ".".join(path)
        raise TemplateInvalidError(f"There is no variable {name!r}.", name)


@lru_cache(maxsize=1000)
def _compiled(text: str) -> Any:
    check(text)
    return _ENVIRONMENT.from_string(text)


_TEXT: TypeAdapter[str] = TypeAdapter(MessageText)


def render(text: str, values: Values, language: Language, zone: str) -> str:
    """Write a text out; raise TemplateInvalidError, or ValueMissingError for a missing value."""
    given = {
        name: _Fields({k: v for k, v in values.get(name, {}).items() if v is not None}, name)
        for name in VARIABLES
    }
    try:
        written = _compiled(text).render(**given, language=language, zone=zone)
        return _TEXT.validate_python(written)
    except UndefinedError as error:
        raise ValueMissingError(f"A value is missing: {error.message}.", error.message) from error
    except ValidationError as error:
        raise ValueMissingError("The text has nothing to see, or is too long.") from error
    except (TemplateError, TypeError, ValueError, OverflowError) as error:
        raise TemplateInvalidError(f"The text cannot be written: {error}.") from error


def text_in(texts: Mapping[Language, str], language: Language) -> tuple[str, Language]:
    """Return the text in a language, or else in the other one, and the language it is in."""
    if language in texts:
        return texts[language], language
    other = next(iter(texts))
    return texts[other], other

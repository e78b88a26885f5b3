"""Which columns of somebody else's table say what: by their names, or as an operator says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from business.imports import subscriber_in
from business.model import SubscriberStatus

Columns = Mapping[str, tuple[str, ...]]
"""The columns from which each field is taken; some fields take more than one."""

PHONE, NAME, LIST, LANGUAGE, STATUS, OUT = "phone", "name", "list", "language", "status", "out"
_NAMES: Mapping[str, Sequence[str]] = {
    PHONE: (
        "phone", "phonenumber", "mobile", "mobilephone", "mobilenumber", "cellphone", "cell",
        "whatsapp", "whatsappnumber", "whatsappphone", "telephone", "tel", "msisdn",
        "טלפון", "נייד",
    ),
    NAME: ("name", "fullname", "displayname", "customername", "subscribername", "שם", "שםמלא"),
    LIST: ("list", "listname", "mailinglist", "רשימה"),
    LANGUAGE: ("language", "lang", "locale", "preferredlanguage", "שפה"),
    STATUS: ("status", "subscribed", "issubscribed", "active", "isactive", "optin", "optedin"),
    OUT: (
        "unsubscribed", "isunsubscribed", "unsubscribedat", "optout", "optedout", "optedoutat",
        "blocked", "isblocked", "deleted", "isdeleted", "deletedat",
    ),
}  # fmt: skip
"""What columns are usually called, the likelier first; blanks, `_` and capitals do not count."""
FIELDS = tuple(_NAMES)
_IN_PARTS = (("firstname", "lastname"), ("givenname", "familyname"))
_GETS = {"subscribed", "active", "enabled", "confirmed", "optedin", "in", "true", "t", "yes", "1"}
_LEFT = {
    "unsubscribed", "inactive", "disabled", "cancelled", "canceled", "blocked", "deleted",
    "optedout", "out", "false", "f", "no", "0",
}  # fmt: skip
_NOT = {"", "false", "f", "no", "n", "0"}


class ColumnError(Exception):
    """The columns that are needed are not there; the text says which there are."""


def choose(present: Sequence[str], given: Columns) -> Columns:
    """Return the columns of each field: those that are given, else those whose names say so.

    A field that is given no column is left out. Raises ColumnError.
    """
    there = ", ".join(present)
    for column in (column for columns in given.values() for column in columns):
        if column not in present:
            raise ColumnError(f"There is no column {column!r}. There are: {there}.")
    chosen = {field: given[field] if field in given else _found(field, present) for field in FIELDS}
    if not chosen[PHONE]:
        raise ColumnError(
            "No column is called like a phone number: name it, with --map phone=COLUMN. "
            f"There are: {there}."
        )
    return {field: columns for field, columns in chosen.items() if columns}


def _found(field: str, present: Sequence[str]) -> tuple[str, ...]:
    by_name = {_plain(column): column for column in reversed(present)}
    found = tuple(by_name[name] for name in _NAMES[field] if name in by_name)
    if field == OUT:
        return found  # each of them may say that somebody has left
    if field == NAME and not found:
        return next((_parts(each, by_name) for each in _IN_PARTS if each[0] in by_name), ())
    return found[:1]


def _parts(names: Sequence[str], by_name: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(by_name[name] for name in names if name in by_name)


def _plain(name: str) -> str:
    return "".join(each for each in name.casefold() if each.isalnum())


def read_map(text: str) -> Columns:
    """Read `phone=mobile,name=first_name+last_name,language=`; raise ValueError."""
    columns: dict[str, tuple[str, ...]] = {}
    for part in text.split(","):
        field, equals, written = part.partition("=")
        if field.strip() not in FIELDS or not equals:
            raise ValueError(f"{part.strip()!r}: write FIELD=COLUMN, of {', '.join(FIELDS)}")
        names = (each.strip() for each in written.split("+"))
        columns[field.strip()] = tuple(each for each in names if each)
    return columns


def subscriber_of(
    cells: Mapping[str, str | None], columns: Columns, default_list: str
) -> dict[str, object]:
    """Return the fields of a subscriber from a row; raise ValueError, which says what is wrong."""
    text = {
        field: " ".join(part for each in columns[field] if (part := (cells[each] or "").strip()))
        for field in columns
        if field not in (STATUS, OUT)
    }
    fields = {**subscriber_in({LIST: default_list} | {k: v for k, v in text.items() if v})}
    if _has_left(cells, columns):
        fields["status"] = SubscriberStatus.UNSUBSCRIBED
    return fields


def _has_left(cells: Mapping[str, str | None], columns: Columns) -> bool:
    """Tell whether a row says that this person gets no messages; raise ValueError if unclear."""
    if any(_plain_cell(cells[each]) not in _NOT for each in columns.get(OUT, ())):
        return True
    for each in columns.get(STATUS, ()):
        said = _plain(cells[each] or "")
        if said in _LEFT:
            return True
        if said not in _GETS:
            raise ValueError(
                f"{each} is {(cells[each] or '')[:20]!r}, which does not say whether they want "
                "messages. To take everybody: --map status="
            )
    return False


def _plain_cell(cell: str | None) -> str:
    return (cell or "").strip().casefold()

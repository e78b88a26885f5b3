"""The languages of the pages: their texts, and which one a request wants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Literal

from aiohttp import web
from phonenumbers import country_code_for_region

COOKIE = "lang"


class Language(StrEnum):
    """A language that the pages speak, by its code."""

    ENGLISH = "en"
    HEBREW = "he"

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """The direction it is written in."""
        return "rtl" if self is Language.HEBREW else "ltr"

    @property
    def region(self) -> str | None:
        """The country whose phone numbers are written without a country code, if there is one."""
        return "IL" if self is Language.HEBREW else None

    @property
    def calling_code(self) -> int | None:
        """The country code of that country's phone numbers."""
        return country_code_for_region(self.region) if self.region else None


@dataclass(frozen=True)
class Texts:
    """The texts of one language, by key."""

    language: Language
    by_key: Mapping[str, str | Mapping[str, str]]
    """One that counts something, in scripts only, has a form for each plural category."""

    @classmethod
    @cache
    def load(cls, language: Language) -> Texts:
        """Read the texts of a language from the package, once in a process."""
        file = files("control_api.pages") / "languages" / f"{language}.json"
        return cls(language, json.loads(file.read_text(encoding="utf-8")))

    def __call__(self, key: str, **values: object) -> str:
        """Return a text, its {places} filled in; KeyError for a key that no template can use."""
        text = self.by_key[key]
        if not isinstance(text, str):
            raise KeyError(f"{key} counts something, which only scripts can do")
        return text.format_map(values)

    def under(self, *prefixes: str) -> dict[str, str | Mapping[str, str]]:
        """Return the texts whose keys begin so, for scripts."""
        return {key: text for key, text in self.by_key.items() if key.startswith(prefixes)}


def wanted_language(request: web.Request) -> Language:
    """Return the language of `?lang=`, else the cookie's, else the browser's, else English."""
    return (
        _language(request.query.get("lang", ""))
        or _language(request.cookies.get(COOKIE, ""))
        or _accepted(request.headers.get("Accept-Language", ""))
        or Language.ENGLISH
    )


def _accepted(header: str) -> Language | None:
    """Return the first language of the header that we speak; browsers list them in order."""
    ranges = (part.split(";")[0] for part in header.split(","))
    return next(filter(None, map(_language, ranges)), None)


def _language(tag: str) -> Language | None:
    code = tag.strip().lower().split("-")[0]
    code = {"iw": "he"}.get(code, code)
    return Language(code) if code in set(Language) else None

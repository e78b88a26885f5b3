"""The client's package: its models are as the API is, and it imports nothing of the service."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import ValidationError

import chatgrow_client
from chatgrow_client.models import Accepted, ConnectionChange, Pacing, Reschedule

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "client/chatgrow_client"
MAY_IMPORT = {*sys.stdlib_module_names, "chatgrow_client", "httpx", "pydantic", "typing_extensions"}


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen", ROOT / "scripts/write_client_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_models_are_up_to_date() -> None:
    written = (PACKAGE / "models.py").read_text(encoding="utf-8")
    assert written == _generator().source(), "run `make docs`"


def test_the_client_imports_only_what_it_depends_on() -> None:
    imported = {
        name.partition(".")[0]
        for file in PACKAGE.rglob("*.py")
        if "cli" not in file.relative_to(PACKAGE).parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _names(node)
    }
    assert imported <= MAY_IMPORT


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or "."]
    return [each.name for each in node.names] if isinstance(node, ast.Import) else []


def test_all_that_is_exported_is_there() -> None:
    assert [each for each in chatgrow_client.__all__ if not hasattr(chatgrow_client, each)] == []


def test_what_a_later_version_of_the_api_adds_is_kept() -> None:
    told = {"messageId": "m", "status": "teleported", "warp": 9}
    accepted = Accepted.model_validate(told)
    assert accepted.status == "teleported"
    assert str(accepted.status) == "teleported"
    assert accepted.model_extra == {"warp": 9}


def test_only_what_was_set_is_sent_and_null_is_something_that_was_set() -> None:
    assert ConnectionChange(name="Main").to_json() == b'{"name":"Main"}'
    assert ConnectionChange(proxy=None).to_json() == b'{"proxy":null}'
    slow = ConnectionChange(pacing=Pacing(per_minute=3))
    assert slow.to_json() == b'{"pacing":{"perMinute":3}}'


def test_a_time_without_a_zone_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Reschedule.model_validate({"startsAt": "2026-10-31T10:00:00"})

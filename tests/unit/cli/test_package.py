"""The command line uses the client, what the client needs, and Typer and Rich; nothing else."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[3] / "client/chatgrow_cli"
MAY_IMPORT = {"chatgrow_cli", "chatgrow_client", "httpx", "pydantic", "rich", "typer"}


def test_it_imports_only_what_it_says_that_it_needs() -> None:
    imported = {
        name.partition(".")[0]
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 9)))
        for name in _names(node)
    }
    assert imported - sys.stdlib_module_names <= MAY_IMPORT


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or "."]
    return [each.name for each in node.names] if isinstance(node, ast.Import) else []

"""The pages that come from the code are as the code is."""

from __future__ import annotations

import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from chatgrow_worker.settings import WorkerSettings
from control_api.settings import ApiSettings
from sessions import __version__
from sessions.config.env_file import misspelt
from sessions.connections.states import Actor, Command, ConnectionState, Reason
from sessions.messages.model import MessageStatus
from sessions.messages.states import Happening

ROOT = Path(__file__).parents[2]
_PAGES = sorted((ROOT / "docs").glob("*.md"))


def test_the_generated_pages_are_up_to_date(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["write_docs.py", "--check"])
    script = runpy.run_path(str(ROOT / "scripts/write_docs.py"))
    assert script["main"]() == 0, capsys.readouterr().out


@pytest.mark.parametrize("settings", [ApiSettings, WorkerSettings])
def test_every_setting_has_a_meaning(settings: type[ApiSettings | WorkerSettings]) -> None:
    silent = [name for name, field in settings.model_fields.items() if not field.description]
    assert silent == []


@pytest.mark.parametrize(
    ("settings", "other"), [(ApiSettings, WorkerSettings), (WorkerSettings, ApiSettings)]
)
def test_no_setting_of_one_program_looks_like_a_misspelt_one_of_the_other(
    settings: type[BaseSettings],
    other: type[BaseSettings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / ".env").write_text("".join(f"{name.upper()}=1\n" for name in other.model_fields))
    monkeypatch.chdir(tmp_path)
    assert list(misspelt([settings])) == []


def test_the_version_is_written_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"] == {"path": "sessions/__init__.py"}
    sources = [
        path
        for folder in ("sessions", "control_api", "chatgrow_worker", "scripts")
        for path in (ROOT / folder).rglob("*.py")
        if f'"{__version__}"' in path.read_text(encoding="utf-8")
    ]
    assert sources == [ROOT / "sessions/__init__.py"]


def test_every_state_and_reason_has_a_meaning() -> None:
    text = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    assert set(told) == {*ConnectionState, *Reason, *Actor, *Command, *MessageStatus}
    assert all(meaning.strip() for meaning in told.values())


def test_all_that_may_happen_to_a_message_is_told() -> None:
    text = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    rows = text.partition("| what happens |")[2].splitlines()[2:]
    assert len(rows) == len(Happening)
    assert all(row.split("|")[1].strip() for row in rows)


@pytest.mark.parametrize("page", ["architecture", "development"])
def test_every_file_that_a_page_on_the_code_names_is_there(page: str) -> None:
    text = (ROOT / f"docs/{page}.md").read_text()
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*/(?:[a-z_]+\.(?:py|json|js))?)", text))
    homes = [ROOT, *(ROOT / top for top in ("sessions", "chatgrow_worker", "control_api"))]
    assert len(named) > 40
    assert [each for each in named if not any((home / each).exists() for home in homes)] == []


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{each.name}" for each in _PAGES)])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", text) + re.findall(r' src="([^"]+)"', text)
    for link in links:
        path, _, heading = link.partition("#")
        target = folder / path if path else ROOT / page
        assert target.is_file(), link
        assert not heading or heading in _headings(target), link


def _headings(page: Path) -> set[str]:
    """Return the names under which the headings of a page can be reached."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found}


def test_the_start_page_leads_to_every_page() -> None:
    text = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w.-]+\w)[)#]", text))
    assert linked == {each.name for each in (ROOT / "docs").glob("*.*")} - {
        "README.md",
        "benchmarks.svg",
    }
    for section in text.split("\n## ")[1:-1]:
        assert len(re.findall(r"^\d\. ", section, re.MULTILINE)) == 5


def test_every_picture_is_shown_and_small() -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in (*_PAGES, ROOT / "README.md"))
    for picture in (ROOT / "docs/images").iterdir():
        assert f"images/{picture.name}" in shown, picture.name
        assert picture.stat().st_size <= 100 * 1024, picture.name

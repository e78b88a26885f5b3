"""One list holds every function of wa-js and of WhatsApp that the page's script calls."""

import re
from pathlib import Path

from chatgrow_worker.page.script import FILES

PAGE = Path(__file__).parents[2] / "chatgrow_worker" / "page"
CODE = "\n".join(
    line
    for name in FILES
    if name != "functions.js"
    for line in (PAGE / name).read_text("utf-8").splitlines()
    if not line.lstrip().startswith("//")
)
LIST = (PAGE / "functions.js").read_text("utf-8")
LISTED = set(re.findall(r"^    (\w+): (?:constant\()?(?:waJs|own|running)\(", LIST, re.MULTILINE))


def test_nothing_is_called_past_the_list() -> None:
    past = re.findall(r"(?:\bWPP\??\.(?!is(?:(?:Full)?Ready|Injected))\S*|\brequire\b\S*)", CODE)

    assert past == []


def test_the_list_and_the_use_are_the_same() -> None:
    used = set(re.findall(r"\bwhatsApp\.(\w+)", CODE))

    assert used == LISTED

"""What a run was made on: the machine, without its name, and the versions of what ran."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from sessions.embedded import MONGO, REDIS
from sessions.embedded.launch import find_binary
from tests.bench.browsers import headless_shell, whole_chromium

_PACKAGES = Path(__file__).parents[1] / "acceptance/node_modules"


def machine() -> list[str]:
    """Describe the machine, a line for each part."""
    kernel = re.match(r"[\d.]+\d", platform.release())
    return [
        f"{os.cpu_count()} cores ({_cpu_model()}), {_memory_gib():.0f} GiB of memory",
        f"{platform.system()} {kernel.group() if kernel else ''}".strip(),
        f"{_browser(headless_shell())}; {_browser(whole_chromium())}",
        f"Python {platform.python_version()}, Playwright {version('playwright')}",
        f"Node {_told('node', '--version').lstrip('v')}, whatsapp-web.js "
        f"{_package('whatsapp-web.js')}, puppeteer {_package('puppeteer')}, "
        f"wwebjs-mongo {_package('wwebjs-mongo')}, mongoose {_package('mongoose')}",
        f"{_told(str(find_binary(MONGO)), '--version')}; "
        f"{_told(str(find_binary(REDIS)), '--version')}",
    ]


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3


def _told(*command: str) -> str:
    """Return the first line of what a program says of itself."""
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return told.splitlines()[0].strip() if told else f"{Path(command[0]).name}, unknown version"


def _browser(program: Path) -> str:
    return f"{program.name}: {_told(str(program), '--version')}"


def _package(name: str) -> str:
    file = _PACKAGES / name / "package.json"
    if not file.exists():
        return "not installed"
    found = re.search(r'"version":\s*"([^"]+)"', file.read_text(encoding="utf-8"))
    return found.group(1) if found else "unknown"

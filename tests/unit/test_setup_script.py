"""`scripts/setup.sh` on machines that lack something, played by programs that only take notes."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
USED = (
    *("bash", "cat", "sha256sum", "mktemp", "sleep", "tail", "sed", "rm", "flock", "dirname"),
    *("mkdir", "chmod", "touch"),
)

PYTHON = """#!/bin/bash
echo "python $*" >> "$NOTES"
case "$*" in
    *version_info*) exit 0 ;;
    *ensurepip*) [[ "$LACKS" != *venv* ]] ;;
    *ctypes*) [[ "$LACKS" != *"${@: -1}"* ]] ;;
    *"-m venv"*) mkdir -p .venv/bin && cat "$0" > .venv/bin/python && chmod +x .venv/bin/python ;;
    *"-m pip"*) [[ "$LACKS" != *network* ]] || { echo "no route to the index"; exit 1; } ;;
esac
"""
NPM = """#!/bin/bash
echo "npm $*" >> "$NOTES"
mkdir -p node_modules
"""
NOTE = """#!/bin/bash
echo "${0##*/} $*" >> "$NOTES"
"""


class Machine:
    """A folder with a copy of what set-up reads, and a PATH of note-taking programs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = folder / "programs"
        self._notes = folder / "notes"
        self._programs.mkdir()
        for name in USED:
            (self._programs / name).symlink_to(shutil.which(name) or name)
        (folder / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/setup.sh", folder / "scripts")
        for name in ("requirements.txt", "package.json", "package-lock.json"):
            (folder / name).write_text(name)
        self.install("python3.11", PYTHON)
        self.install("npm", NPM)
        self.install("chromium-headless-shell")

    def install(self, name: str, text: str = NOTE) -> None:
        program = self._programs / name
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def remove(self, name: str) -> None:
        (self._programs / name).unlink()

    def change_requirements(self) -> None:
        (self._folder / "requirements.txt").write_text("other")

    def set_up(
        self, lacks: str = "", what: tuple[str, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        self._notes.write_text("")
        return subprocess.run(
            [str(self._folder / "scripts/setup.sh"), *what],
            env={
                "PATH": str(self._programs),
                "NOTES": str(self._notes),
                "LACKS": lacks,
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def did(self) -> list[str]:
        """What set-up ran, but for its questions to Python."""
        return [line for line in self._notes.read_text().splitlines() if " -c " not in line]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_second_run_installs_and_says_nothing(machine: Machine) -> None:
    assert machine.set_up().returncode == 0
    assert [line.split()[:3] for line in machine.did] == [
        ["python", "-m", "venv"],
        ["python", "-m", "pip"],
        ["npm", "ci", "--ignore-scripts"],
    ]
    again = machine.set_up()
    assert (again.returncode, again.stdout, again.stderr, machine.did) == (0, "", "", [])


def test_changed_requirements_are_installed_into_the_same_environment(machine: Machine) -> None:
    machine.set_up()
    machine.change_requirements()
    assert machine.set_up().returncode == 0
    assert [line.split()[:3] for line in machine.did] == [
        ["python", "-m", "pip"],
        ["npm", "ci", "--ignore-scripts"],
    ]


def test_what_was_interrupted_is_made_anew(machine: Machine) -> None:
    failed = machine.set_up(lacks="network")
    assert failed.returncode != 0
    assert "no route to the index" in failed.stderr
    assert machine.set_up().returncode == 0
    assert machine.did[0] == "python -m venv --clear .venv"
    assert len(machine.did) == 3


@pytest.mark.parametrize(
    ("lack", "package"),
    [
        ("venv", "python3-venv"),
        ("libcurl.so.4", "libcurl4"),
        ("libatomic.so.1", "libatomic1"),
        ("browser", "chromium-headless-shell"),
    ],
)
class TestAMissingDebianPackage:
    """One of the Debian packages is not there."""

    def test_is_named_where_there_is_no_apt(
        self, machine: Machine, lack: str, package: str
    ) -> None:
        if lack == "browser":
            machine.remove("chromium-headless-shell")
        refused = machine.set_up(lacks=lack)
        assert refused.returncode == 1
        assert f"the Debian package {package} is missing" in refused.stderr
        assert machine.did == []

    @pytest.mark.skipif(os.geteuid() != 0, reason="apt-get is for root")
    def test_is_installed_by_root(self, machine: Machine, lack: str, package: str) -> None:
        machine.install("apt-get")
        if lack == "browser":
            machine.remove("chromium-headless-shell")
        assert machine.set_up(lacks=lack).returncode == 0
        assert machine.did[:2] == [
            "apt-get update",
            f"apt-get install -y --no-install-recommends {package}",
        ]


def test_the_browser_of_the_peer_is_asked_for_by_the_benchmark_alone(machine: Machine) -> None:
    assert machine.set_up().returncode == 0
    refused = machine.set_up(what=("bench",))
    assert refused.returncode == 1
    assert "the Debian package chromium is missing" in refused.stderr
    machine.install("chromium")
    assert machine.set_up(what=("bench",)).returncode == 0


@pytest.mark.parametrize(
    ("what", "folder_name"),
    [("real-page", "tests/real_page"), ("page-scripts", "tests/page_scripts")],
)
def test_what_one_check_alone_needs_is_installed_for_it_and_once(
    machine: Machine, tmp_path: Path, what: str, folder_name: str
) -> None:
    folder = tmp_path / folder_name
    folder.mkdir(parents=True)
    (folder / "package-lock.json").touch()
    assert machine.set_up().returncode == 0
    assert not (folder / "node_modules").exists()
    assert machine.set_up(what=(what,)).returncode == 0
    assert [line.split()[:2] for line in machine.did] == [["npm", "ci"]]
    assert (folder / "node_modules").is_dir()
    again = machine.set_up(what=(what,))
    assert (again.returncode, again.stdout, again.stderr, machine.did) == (0, "", "", [])


def test_npm_packages_that_were_removed_are_installed_again(
    machine: Machine, tmp_path: Path
) -> None:
    machine.set_up()
    (tmp_path / "node_modules").rmdir()
    assert machine.set_up().returncode == 0
    assert (tmp_path / "node_modules").is_dir()


def test_a_browser_that_is_named_counts(machine: Machine, tmp_path: Path) -> None:
    machine.remove("chromium-headless-shell")
    machine.install("my-browser")
    browser = tmp_path / "programs/my-browser"
    assert machine.set_up(CHROMIUM_PATH=str(browser)).returncode == 0
    (tmp_path / ".env").write_text(f"CHROMIUM_PATH={browser}\n")
    assert machine.set_up().returncode == 0


def test_an_old_python_is_refused_with_the_way_to_a_newer_one(machine: Machine) -> None:
    machine.install("python3.11", "#!/bin/bash\nexit 1\n")
    refused = machine.set_up()
    assert refused.returncode == 1
    assert "Python 3.11 or later is missing" in refused.stderr

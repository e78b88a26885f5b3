"""What tests ask the kernel about processes."""

from pathlib import Path


def alive(pid: int) -> bool:
    """Say whether a process with this id runs; one that has only not been reaped yet does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def holds_open(pid: int, file: Path) -> bool:
    """Say whether the process has the file open."""
    return any(opened.resolve() == file for opened in Path(f"/proc/{pid}/fd").iterdir())

"""Browser profiles as Chromium leaves them on a disk, with a login that tests can look for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

LOGIN = b"WANoiseInfo:the-private-key-of-the-phone"
OTHERS = {
    "Local State": b"{}",
    "Default/Preferences": b'{"profile": {}}',
    "Default/Cache/Cache_Data/data_0": b"cached" * 100,
    "Default/Service Worker/ScriptCache/index": b"worker",
}
_DATABASE = "Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb"
_BLOBS = "Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.blob"
_LOCAL = "Default/Local Storage/leveldb"
UNSAVED = {
    f"{_DATABASE}/LOCK": b"",
    f"{_DATABASE}/LOG": b"2026/11/24-05:00:00 Reusing MANIFEST",
    f"{_LOCAL}/LOCK": b"",
    f"{_LOCAL}/LOG.old": b"2026/11/24-05:00:00 Reusing MANIFEST",
}


def login(text: bytes = LOGIN, ballast: bytes = b"") -> dict[str, bytes]:
    """Return the files of a login, by their names."""
    return {
        f"{_DATABASE}/CURRENT": b"MANIFEST-000001\n",
        f"{_DATABASE}/MANIFEST-000001": b"manifest",
        f"{_DATABASE}/000003.log": b"wawc_db_enc" + text + ballast,
        f"{_DATABASE}/000004.log": b"",
        f"{_BLOBS}/1/00/3": text * 3,
        f"{_LOCAL}/CURRENT": b"MANIFEST-000007\n",
        f"{_LOCAL}/MANIFEST-000007": b"manifest",
        f"{_LOCAL}/000005.ldb": text,
    }


def tables(contents: Iterable[bytes]) -> dict[str, bytes]:
    """Return tables of a login, as Chromium writes them once for all."""
    return {f"{_DATABASE}/{n:06d}.ldb": content for n, content in enumerate(contents, 100)}


def write_profile(profile: Path, files: dict[str, bytes]) -> Path:
    """Write a profile with these files besides what every profile has."""
    for name, content in {**OTHERS, **UNSAVED, **files}.items():
        path = profile / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return profile


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder, by its name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def no_part(part: object) -> NoReturn:
    """Open no part: what is unpacked has none."""
    raise AssertionError(part)

"""Make the files of pictures small: few colours are enough for pages."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

_COLOURS = 128
_LARGEST = 100 * 1024
"""Bytes: the pictures are kept in the repository."""


class TooLargeError(Exception):
    """A picture is too large even with few colours."""


def save(png: bytes, file: Path) -> int:
    """Write a picture with few colours, and return its size; raise TooLargeError."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    reduced = picture.quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(file, optimize=True)
    size = file.stat().st_size
    if size > _LARGEST:
        raise TooLargeError(f"{file.name} has {size} bytes, more than {_LARGEST}")
    return size

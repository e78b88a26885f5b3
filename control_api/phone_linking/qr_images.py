"""Draw QR codes in the formats that the API offers."""

import asyncio
import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import qrcode
from qrcode.image.svg import SvgPathFillImage


@dataclass(frozen=True)
class QrFormat:
    """A format of QR codes: its media type, and how to draw it."""

    media_type: str
    draw: Callable[[str], bytes]


def _png(code: str) -> bytes:
    out = io.BytesIO()
    _qr(code).make_image().save(out)
    return out.getvalue()


def _svg(code: str) -> bytes:
    out = io.BytesIO()
    _qr(code).make_image(image_factory=SvgPathFillImage).save(out)
    return out.getvalue()


def _ascii(code: str) -> bytes:
    out = io.StringIO()
    # Inverted: light modules are drawn, so that it can be scanned from a dark terminal.
    _qr(code).print_ascii(out=out, invert=True)
    return out.getvalue().encode()


def _qr(code: str) -> "qrcode.QRCode[qrcode.image.base.BaseImage]":
    qr: qrcode.QRCode[qrcode.image.base.BaseImage] = qrcode.QRCode(
        error_correction=qrcode.ERROR_CORRECT_L, border=4
    )
    qr.add_data(code)
    return qr


FORMATS: Mapping[str, QrFormat] = {
    "png": QrFormat("image/png", _png),
    "svg": QrFormat("image/svg+xml", _svg),
    "ascii": QrFormat("text/plain", _ascii),
}
"""All formats except JSON, by their names in `?format=`."""

_MOST_KEPT = 128
"""The most images in the cache; the largest are SVGs of about 60 KB."""


class QrImages:
    """Draw QR codes in one thread, and cache them: many clients request the same code.

    Drawing takes about 50 ms. With a single thread, a second request for a code that is being
    drawn finds it in the cache.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="qr-images")
        self._draw = lru_cache(maxsize=_MOST_KEPT)(_draw)

    async def draw(self, code: str, form: str) -> bytes:
        """Return the image of a code; `form` is a name in `FORMATS`."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._draw, code, form
        )


def _draw(code: str, form: str) -> bytes:
    return FORMATS[form].draw(code)

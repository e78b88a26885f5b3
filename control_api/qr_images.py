"""Draw a QR code in each format that the API serves."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import qrcode
from qrcode.image.svg import SvgPathFillImage


@dataclass(frozen=True)
class QrFormat:
    """A way to show a QR code: its media type and how to draw it."""

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
    # Light modules are drawn as ink: on the usual dark terminal that scans.
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
"""Every format but JSON, by its name in `?format=`."""

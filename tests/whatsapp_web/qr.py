"""Draw QR codes as rows of ones and zeros."""

from __future__ import annotations

from qrcode.constants import ERROR_CORRECT_L
from qrcode.main import QRCode


def matrix(text: str) -> list[str]:
    """Return the modules of a QR code, row by row, without a border."""
    code: QRCode[object] = QRCode(error_correction=ERROR_CORRECT_L, border=0)
    code.add_data(text)
    code.make(fit=True)
    return ["".join("1" if dark else "0" for dark in row) for row in code.get_matrix()]

"""Linking a phone: QR codes, pairing codes, and signed links."""

"""Integration tests: the simulated WhatsApp Web."""

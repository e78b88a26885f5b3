"""Integration tests: calls to hosts that users name."""

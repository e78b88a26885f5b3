"""Integration tests: what the control API answers."""

"""Integration tests: how a login is kept."""

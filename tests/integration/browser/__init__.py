"""Integration tests: a real Chromium."""

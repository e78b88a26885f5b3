"""Browsers: one Chromium with a profile of its own for each connection."""

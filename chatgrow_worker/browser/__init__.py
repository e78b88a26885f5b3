"""Browsers: each connection has its own Chromium with its own profile."""

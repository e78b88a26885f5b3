"""Tests of the Python client that need no server."""

"""Tests of the Python client against the API."""

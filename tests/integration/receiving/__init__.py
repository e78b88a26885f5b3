"""Integration tests of received messages."""

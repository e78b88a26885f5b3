"""Integration tests: the outbox, the dispatcher, and what becomes of a message."""

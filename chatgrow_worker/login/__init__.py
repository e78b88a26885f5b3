"""The login of a connection: found at the start, saved while it lives."""

"""Connections: their records, states, leases, and what is asked of their owners."""

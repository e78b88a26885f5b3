"""Connections: their records, states, leases, and the commands that their workers carry out."""

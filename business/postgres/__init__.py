"""Subscribers from a table in PostgreSQL: `python -m business import-subscribers`."""

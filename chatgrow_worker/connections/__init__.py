"""Connections: from a lease to a page that sends, and back."""

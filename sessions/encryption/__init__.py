"""Encryption: the key ring, and short values encrypted with its keys."""

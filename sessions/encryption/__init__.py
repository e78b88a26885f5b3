"""Encryption: the key ring, and short values under its keys."""

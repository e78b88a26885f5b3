"""Integration tests: pages and links for people."""

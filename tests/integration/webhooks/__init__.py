"""Integration tests: what webhooks are told, and how it reaches them."""

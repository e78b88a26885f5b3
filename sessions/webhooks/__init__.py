"""Webhooks: who is told of which events, what was delivered, and how it is signed and sent."""

"""Received messages: record what the page shows, and sweep its table for what it did not."""

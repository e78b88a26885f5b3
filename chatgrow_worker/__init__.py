"""The worker: takes connections, drives their pages, and sends the queued messages."""

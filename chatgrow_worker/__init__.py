"""The worker: takes connections, drives their pages, and sends what waits in the outbox."""

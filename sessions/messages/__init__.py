"""Messages: accepted, stored in the outbox, claimed by a worker, and moved through statuses."""

"""Messages: accepted, stored in the outbox, claimed, and moved on by what became of them."""

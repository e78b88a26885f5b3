"""What handlers share that asks several stores: pairing codes, and when a message will go."""

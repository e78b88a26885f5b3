"""MongoDB: the client, the server's clock, and batched queries."""

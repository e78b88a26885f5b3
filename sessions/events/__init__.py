"""Events: what programs publish, and the Redis stream that carries it."""

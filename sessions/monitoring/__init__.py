"""The state of all connections, queues and workers, for operators."""

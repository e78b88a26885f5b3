"""The fleet as operators watch it: connections, queues and workers."""

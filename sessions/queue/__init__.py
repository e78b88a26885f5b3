"""The arq queues in Redis: they wake workers and take sends from Python backends."""

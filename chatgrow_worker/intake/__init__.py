"""The worker's arq consumers: wake-ups, and sends from Python backends."""

"""Server-sent events: each API process reads the stream once for all its clients."""

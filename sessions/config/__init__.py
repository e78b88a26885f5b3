"""Settings that all programs share, and the file `.env`."""

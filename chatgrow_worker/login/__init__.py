"""The login of a connection: find one to start from, and save it while it works."""

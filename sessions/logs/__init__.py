"""Logging: lines, files, and recent records in MongoDB, with secrets masked."""

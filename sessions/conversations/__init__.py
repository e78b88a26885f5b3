"""Conversations: the messages that a connection has received."""

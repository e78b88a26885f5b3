"""Deletion: connections with all their data, and all data about a recipient."""

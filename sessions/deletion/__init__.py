"""Deletion: connections with all that is theirs, and all that names a recipient."""

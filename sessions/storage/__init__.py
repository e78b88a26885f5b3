"""MongoDB: the client, its clock, and many questions asked in one query."""

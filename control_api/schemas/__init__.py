"""The models of the HTTP contract, one file for each resource."""

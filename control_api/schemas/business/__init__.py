"""The models of the business side, one file for each resource."""

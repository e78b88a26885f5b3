"""The handlers, one module for each resource."""

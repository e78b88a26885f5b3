"""Declare endpoints, and make the OpenAPI document from the declarations."""

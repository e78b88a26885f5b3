"""Authenticate and authorise callers."""

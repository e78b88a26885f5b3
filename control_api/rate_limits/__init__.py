"""Limits: requests and guesses in sliding windows, and quotas of owners."""

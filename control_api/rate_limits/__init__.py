"""Limits: rates of requests and of wrong passwords, and quotas of owners."""

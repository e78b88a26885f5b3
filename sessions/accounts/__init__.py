"""Accounts: users, their sign-ins and API keys, and setup tokens."""

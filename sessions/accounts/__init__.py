"""Accounts: people, their sign-ins, API keys, and how much each may have."""

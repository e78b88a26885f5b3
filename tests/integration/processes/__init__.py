"""Integration tests: the programs, and what they run on."""

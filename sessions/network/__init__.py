"""Hosts: which names are ours, and which addresses are public."""

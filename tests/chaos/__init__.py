"""Chaos: everything is killed at random while messages flow; in the end each arrived once."""

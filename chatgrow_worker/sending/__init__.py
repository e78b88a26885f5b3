"""Sending: claim, pace, deliver, and record acks."""

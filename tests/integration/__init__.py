"""Tests on the real MongoDB, Redis and Chromium."""

"""Tests of the business side."""

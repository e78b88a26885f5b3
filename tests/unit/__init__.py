"""Tests of one thing at a time, without servers."""

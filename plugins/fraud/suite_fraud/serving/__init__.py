"""Scores a stream of transactions outside of Suite, and watches it."""

"""Data: sources, columns, checks and splits."""

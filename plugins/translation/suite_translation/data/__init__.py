"""Rows: how they are read, checked and made into examples."""

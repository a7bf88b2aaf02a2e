"""Whole files translated, reviewed and remembered."""

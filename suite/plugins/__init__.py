"""Finds plugins and keeps what each offers through the hooks."""

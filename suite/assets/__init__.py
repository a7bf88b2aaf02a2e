"""Weights and data that work with no hub: where each name is found, fetched or built from."""

"""Model and data that work with no argument and no hub."""

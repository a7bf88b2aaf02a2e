"""Image formats into pixels."""

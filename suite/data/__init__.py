"""From what a user names to checked rows: sources, checks, corrections."""

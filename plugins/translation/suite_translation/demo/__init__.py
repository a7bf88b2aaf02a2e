"""The page of the web app."""

"""The web app: a gallery, and for every domain a page to try it and to read about it."""

STARTER = "starter"
"""As a model: the domain's own starter, whatever runs there are."""

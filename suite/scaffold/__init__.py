"""`suite new`: the template of a plugin and what renders it."""

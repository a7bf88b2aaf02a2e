"""What `suite recommendations` can do beyond the core's verbs."""

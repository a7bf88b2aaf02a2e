"""What `suite translation` can do beyond the core's verbs."""

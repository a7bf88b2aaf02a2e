"""What `suite fraud` can do beyond the core's verbs."""

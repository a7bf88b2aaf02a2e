"""What `suite medical-imaging` can do beyond the core's verbs."""

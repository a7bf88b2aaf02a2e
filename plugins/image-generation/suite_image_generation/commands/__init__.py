"""What `suite image-generation` can do beyond the core's verbs."""

"""Where a model comes from, and what its licence allows."""

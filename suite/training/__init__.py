"""Fine-tuning: the one loop, its checkpoints and what surrounds them."""

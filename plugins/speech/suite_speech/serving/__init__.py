"""What is done with predictions: printed, written, compared."""

"""One loaded model that answers: what `predict`, the demos and every check of a saved model use."""

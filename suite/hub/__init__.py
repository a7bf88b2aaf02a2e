"""What leaves this machine for the Hugging Face Hub: models, jobs, Spaces."""

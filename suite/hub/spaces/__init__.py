"""Hugging Face Spaces: a folder with a domain's demo, its model and Suite itself; tried here, pushed there."""

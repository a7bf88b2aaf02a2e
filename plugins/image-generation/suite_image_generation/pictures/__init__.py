"""Picture files, their captions and sizes."""

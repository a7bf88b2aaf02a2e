"""What is inside a message: placeholders, accelerators, plural forms, lengths."""

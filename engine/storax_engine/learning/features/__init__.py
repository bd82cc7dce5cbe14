"""Features: which there are, and how each is computed."""

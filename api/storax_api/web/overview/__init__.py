"""What is going on: the start page."""

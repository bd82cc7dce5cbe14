"""What can be read of a fit: its scores, their curves, and its features as SQL."""

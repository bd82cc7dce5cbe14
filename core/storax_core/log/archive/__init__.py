"""Ranges of the log that were moved to files: which there are, what is in them, and the state at their end."""

"""Tunings: trials as jobs, and what chooses their parameters."""

"""Pipelines of a project: fits, scores, tunings."""

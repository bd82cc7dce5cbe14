"""Failures, grouped by what went wrong."""

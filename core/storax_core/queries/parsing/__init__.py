"""Filters as callers write them: in a URL, or for a stream of events."""

"""Storax API: the HTTP door to the core."""

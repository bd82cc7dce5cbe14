"""Expressions over columns. The engine evaluates them."""

"""Compatibility: the worker at its path of the previous release, whose agents and runners still start it."""

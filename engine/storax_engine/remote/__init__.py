"""Fits and scores that run as jobs of the platform."""

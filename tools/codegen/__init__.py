"""Writes the client's models from the resource declarations."""

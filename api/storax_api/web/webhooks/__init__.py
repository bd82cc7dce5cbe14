"""Webhooks: addresses to which the server posts events."""

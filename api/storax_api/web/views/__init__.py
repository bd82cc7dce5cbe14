"""Saved views: queries of the page Jobs that a user gave a name."""

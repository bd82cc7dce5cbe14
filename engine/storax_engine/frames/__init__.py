"""Data frames: columns, roles, views, and their files."""

"""Data frames, views and the data model."""

"""Connections to Postgres, the tables beside the resources, and their upkeep."""

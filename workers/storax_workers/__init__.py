"""Storax workers: what runs behind the API: the feeder and the RQ tasks."""

"""Storax core: resources, the event log, projections, queries, leases and queues. Knows no web and no client."""

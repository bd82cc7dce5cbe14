"""The verbs: each takes a connection inside a transaction and a Context, checks, decides, and appends."""

"""Commands of webhooks: what a user changes, the secrets that sign, and what the worker that delivers records."""

"""Routes of webhooks that other resources lack."""

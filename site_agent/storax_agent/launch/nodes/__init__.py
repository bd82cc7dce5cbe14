"""Node workers: how an allocation reaches its nodes."""

"""Events: the log as it grows, everything as it was at an instant, and what changed between two."""

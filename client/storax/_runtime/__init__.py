"""What scripts, the agent and the engine share at run time: HTTP, retries, JSON, settings, progress bars."""

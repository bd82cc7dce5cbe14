"""What the engine says to the platform: catalogue rows and jobs."""

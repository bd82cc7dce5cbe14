"""What jobs did in a window of time, as the server counted and measured it."""

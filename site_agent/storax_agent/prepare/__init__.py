"""From a leased job to the process to start, or to the reason why this site does not start it."""

"""The servers of a stack: their programs, their settings, and probes whether they answer."""

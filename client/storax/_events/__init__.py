"""The live feed of the log, for scripts."""

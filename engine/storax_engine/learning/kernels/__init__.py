"""Compiled loops over sorted rows. Their machine code is cached: only the first process compiles."""

"""Jobs and their parents as a graph."""

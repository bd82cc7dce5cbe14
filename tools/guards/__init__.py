"""``make guards``: remove each guard of a list in a copy of the repository, and expect its tests to fail."""

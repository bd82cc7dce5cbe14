"""Looks at rows as a whole: the first, some by chance, statistics of columns, groups."""

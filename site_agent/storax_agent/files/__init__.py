"""Files of a site: locks, globs, and paths that cannot leave a folder."""

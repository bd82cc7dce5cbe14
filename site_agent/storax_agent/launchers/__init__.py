"""Programs of this package under their names of the release before, which its processes still start."""

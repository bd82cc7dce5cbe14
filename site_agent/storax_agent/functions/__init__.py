"""The worker under its path of the release before, whose agents and runners still start it."""

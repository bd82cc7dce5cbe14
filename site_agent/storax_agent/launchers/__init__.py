"""Compatibility: entry points of the previous release, whose processes still start programs by these names."""

"""What scripts set about the display of long work."""

from storax.utilities import progress

__all__ = ["progress"]

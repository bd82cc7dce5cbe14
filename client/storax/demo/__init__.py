"""`storax demo`: a real workflow on real files, on a private stack that is gone afterwards."""

from storax.demo.stage import run

__all__ = ["run"]

"""What is learned: a number, or whether something is so."""

from dataclasses import dataclass

from storax._engine.declaration import Declaration

__all__ = ["CrossEntropyLoss", "SquareLoss"]


@dataclass(frozen=True)
class SquareLoss(Declaration):
    """The target is a number (regression)."""


@dataclass(frozen=True)
class CrossEntropyLoss(Declaration):
    """The target is 0 or 1 (classification); predictions are probabilities of 1."""

"""What the pipeline asks of a predictor."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
SEED = 5543


class Predictor(Protocol):
    """Learns one target."""

    def fit(self, x: Matrix, y: Floats, *, cancelled: Callable[[], bool]) -> None:
        """Learn; stop early or raise ``Cancelled`` once ``cancelled()`` says so, where the library allows it."""

    def predict(self, x: Matrix) -> Floats:
        """The value, or the probability of class 1."""

    def importances(self) -> Floats:
        """Return one number per column, 0 or more; their sum is 1 if any column is used."""

    def save(self, folder: Path) -> None:
        """Write everything needed to predict the same numbers bit for bit, in a format that runs no code when read."""


class Family(Protocol):
    """A library's file: which predictors it offers and how it reads them back."""

    def make(self, kind: str, parameters: Mapping[str, Any]) -> Predictor:
        """A predictor that has learned nothing."""

    def load(self, kind: str, folder: Path) -> Predictor:
        """Load the predictor that ``save`` wrote."""


def shares(raw: Any) -> Floats:
    """Importances that add up to 1."""
    values = np.abs(np.nan_to_num(np.asarray(raw, np.float64)))
    total = float(values.sum())
    return values / total if total > 0 else values

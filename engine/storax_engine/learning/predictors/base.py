"""What the pipeline asks of a predictor."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
SEED = 5543
HELD_OUT = 0.2  # share of the rows by which early stopping judges
Bools = npt.NDArray[np.bool_]


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


def patience(parameters: Mapping[str, Any]) -> int | None:
    """Return after how many trees without a gain the training stops early; None: never. Raises ``ValueError``."""
    rounds = parameters.get("early_stopping_rounds")
    if rounds is not None and (isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1):
        raise ValueError(f"early_stopping_rounds is {rounds!r}: a whole number, 1 or more")
    return rounds


def held_out(y: Floats, *, classes: bool) -> Bools | None:
    """Return which rows early stopping holds out, by chance with a fixed seed.

    None where either part would lack rows or, of classes, one of them: then there is no early stopping.
    """
    chosen: Bools = np.random.default_rng(SEED).random(len(y)) < HELD_OUT
    least = 2 if classes else 1
    if min(len(np.unique(y[chosen])), len(np.unique(y[~chosen]))) < least:
        return None
    return chosen

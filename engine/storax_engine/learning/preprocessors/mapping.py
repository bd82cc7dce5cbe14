"""Mapping: a category as the mean of the target among its rows.

Smoothed towards the mean of all rows, and cross-fitted: a training row's number comes from the other folds, so that it
does not know the row's own target. After Micci-Barreca, "A preprocessing scheme for high-cardinality categorical
attributes" (2001).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from storax_engine.learning.preprocessors.base import State
from storax_engine.learning.tables import columns
from storax_engine.learning.tables.columns import Floats, Ints
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, Column, Frame
from storax_engine.learning.tables.subroles import MAPPING

SEED = 5849


@dataclass(frozen=True)
class Mapping:
    """``min_freq`` is the weight of the overall mean, in rows. Adds ``<column>__mean_<target>``."""

    min_freq: int = 30
    folds: int = 5

    def fit(self, frame: Frame, y: Floats, targets: tuple[str, ...]) -> State:
        """Smoothed means of each target by category, and of all rows."""
        state: State = {}
        for column in list(frame.of_kind(CATEGORICAL, use=MAPPING)):
            codes, values = frame.coded(column.name)
            for t, target in enumerate(targets):
                means = self._means(codes, y[:, t], len(values))
                state[f"{column.name}__mean_{target}"] = {
                    "column": column.name,
                    "values": values.to_pylist(),
                    "means": means.tolist(),
                    "all": float(y[:, t].mean()),
                }
        return state

    def train(self, frame: Frame, state: State, y: Floats, targets: tuple[str, ...]) -> None:
        """Add the training rows' numbers, each from the other folds."""
        fold = np.random.default_rng(SEED).integers(0, self.folds, frame.rows)
        for name, entry in state.items():
            codes, values = frame.coded(entry["column"])
            target = y[:, targets.index(name.rsplit("__mean_", 1)[1])]
            out = np.empty(frame.rows)
            for k in range(self.folds):
                others, own = fold != k, fold == k
                means = self._means(codes[others], target[others], len(values))
                overall = float(target[others].mean()) if others.any() else entry["all"]
                out[own] = np.append(means, overall)[codes[own]]
            frame.add(Column(name, NUMERICAL, out, ("mapped", entry["column"])))

    def apply(self, frame: Frame, state: State) -> None:
        """Add what was learned; a category never seen has the mean of all rows."""
        for name, entry in state.items():
            places = columns.lookup(frame.strings(entry["column"]), pa.array(entry["values"], pa.string()))
            values: Any = np.append(entry["means"], entry["all"])[places]
            frame.add(Column(name, NUMERICAL, values, ("mapped", entry["column"])))

    def _means(self, codes: Ints, y: Floats, n: int) -> Floats:
        known = codes >= 0
        seen = np.bincount(codes[known], minlength=n)
        total = np.bincount(codes[known], weights=y[known], minlength=n)
        overall = float(y.mean()) if y.size else 0.0
        weight = seen + self.min_freq
        return np.where(weight > 0, (total + self.min_freq * overall) / np.maximum(weight, 1), overall)

"""CategoryTrimmer, Imputation: what is rare, and what is missing."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storax_engine.learning.preprocessors.base import State
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, Column, Frame
from storax_engine.learning.tables.subroles import CATEGORY_TRIMMER, IMPUTATION

TRIMMED = "(trimmed)"


@dataclass(frozen=True)
class CategoryTrimmer:
    """Values of a category seen less than ``min_freq`` times, or beyond the ``max_num_categories`` most frequent."""

    max_num_categories: int = 999
    min_freq: int = 30

    def fit(self, frame: Frame) -> State:
        """The values that are kept, by column."""
        return {c.name: self._kept(frame, c.name) for c in frame.of_kind(CATEGORICAL, use=CATEGORY_TRIMMER)}

    def apply(self, frame: Frame, state: State) -> None:
        """Replace the others by ``(trimmed)``; null stays null."""
        for name, kept in state.items():
            values = frame.strings(name)
            known = pc.or_(pc.is_in(values, value_set=pa.array(kept, pa.string())), values.is_null())
            frame.add(Column(name, CATEGORICAL, pc.if_else(known, values, TRIMMED), ("trimmed", name)))

    def _kept(self, frame: Frame, name: str) -> list[str]:
        codes, values = frame.coded(name)
        seen = np.bincount(codes[codes >= 0], minlength=len(values))
        texts = values.to_pylist()
        often = [i for i in range(len(texts)) if seen[i] >= self.min_freq]
        return [texts[i] for i in sorted(often, key=lambda i: (-seen[i], texts[i]))[: self.max_num_categories]]


@dataclass(frozen=True)
class Imputation:
    """The training data's mean in place of a missing number."""

    add_dummies: bool = False

    def fit(self, frame: Frame) -> State:
        """The mean of each numerical column that misses some number."""
        means = {}
        for column in frame.of_kind(NUMERICAL, use=IMPUTATION):
            values = frame.numbers(column.name)
            known = values[np.isfinite(values)]
            if known.size < values.size:
                means[column.name] = float(known.mean()) if known.size else 0.0
        return means

    def apply(self, frame: Frame, state: State) -> None:
        """Fill the gaps; with ``add_dummies`` also add ``<column>__missing``."""
        for name, mean in state.items():
            values = frame.numbers(name)
            missing = ~np.isfinite(values)
            frame.add(Column(name, NUMERICAL, np.where(missing, mean, values), ("imputed", name)))
            if self.add_dummies:
                frame.add(Column(f"{name}__missing", NUMERICAL, missing.astype(np.float64), ("missing", name)))

"""The parameters of the learner, read from a description."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from storax_engine.learning.errors import BadPlan
from storax_engine.learning.features.fastprop import MISSING, ZERO
from storax_engine.learning.kernels.condition_gains import AGGREGATIONS
from storax_engine.learning.plan import Part

KIND = "ConditionBoost"
_WHOLE: tuple[type, ...] = (int, np.integer)
_REAL: tuple[type, ...] = (int, float, np.number)
# Least and highest value, kinds, and the requirement as a sentence says it.
_NUMBERS: Mapping[str, tuple[float, float, tuple[type, ...], str]] = {
    "num_features": (1, np.inf, _WHOLE, "a whole number, 1 or more"),
    "n_rounds": (1, np.inf, _WHOLE, "a whole number, 1 or more"),
    "max_depth": (1, 10, _WHOLE, "a whole number from 1 to 10"),
    "min_samples_leaf": (1, np.inf, _WHOLE, "a whole number, 1 or more"),
    "max_bins": (2, 256, _WHOLE, "a whole number from 2 to 256"),
    "max_samples": (1, np.inf, _WHOLE, "a whole number, 1 or more"),
    "n_iter_no_change": (1, np.inf, _WHOLE, "a whole number, 1 or more"),
    "random_state": (0, np.inf, _WHOLE, "a whole number, 0 or more"),
    "learning_rate": (1e-6, 1.0, _REAL, "a number above 0, up to 1"),
    "subsample": (0.01, 0.99, _REAL, "a share of the rows from 0.01 to 0.99"),
}


@dataclass(frozen=True)
class ConditionBoost:
    """Parameters of the learner; the client's class of this name says what each does."""

    num_features: int = 50
    n_rounds: int = 50
    learning_rate: float = 0.5
    max_depth: int = 3
    min_samples_leaf: int = 20
    max_bins: int = 32
    subsample: float = 0.5
    max_samples: int = 5_000
    n_iter_no_change: int = 5
    aggregation: tuple[str, ...] = AGGREGATIONS
    empty: str = ZERO
    random_state: int = 0

    def drawn(self, rows: int) -> int:
        """Return how many of so many rows of the population a round draws."""
        return min(int(self.subsample * rows), self.max_samples)

    def needed(self) -> int:
        """Return how many rows a round has to draw to find anything."""
        return 2 * self.min_samples_leaf


def read(part: Part) -> ConditionBoost:
    """The learner of a description. Raises ``BadPlan`` for a parameter that it cannot use."""
    params = {k: v for k, v in part.parameters.items() if k in {f.name for f in fields(ConditionBoost)}}
    params = {k: v for k, v in params.items() if v is not None}
    for name, (least, most, kinds, requirement) in _NUMBERS.items():
        if name in params:
            value: Any = params[name]
            number = isinstance(value, kinds) and not isinstance(value, bool)
            if not number or not least <= value <= most:
                raise BadPlan(f"{KIND}: {name} is {value!r}: {requirement}")
    if "aggregation" in params:
        params["aggregation"] = _names(params["aggregation"])
    learner = ConditionBoost(**params)
    if learner.empty not in (ZERO, MISSING):
        raise BadPlan(f"{KIND}: empty is {learner.empty!r}: it is {ZERO!r} or {MISSING!r}")
    return learner


def _names(names: Any) -> tuple[str, ...]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise BadPlan(f"{KIND}: aggregation is {names!r}: give a list")
    plain = tuple(str(name).strip().upper().replace(" ", "_") for name in names)
    for name in plain:
        if name not in AGGREGATIONS:
            raise BadPlan(f"{KIND} has no aggregation {name!r}; one of {', '.join(AGGREGATIONS)}")
    if not plain:
        raise BadPlan(f"{KIND}: aggregation is empty; name some of {', '.join(AGGREGATIONS)}")
    return plain

"""Feature learners, their aggregations and loss functions."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import Any, ClassVar

from storax import loss_functions
from storax._engine.declaration import Declaration
from storax.errors import InvalidInput, StoraxWarning
from storax.models.aggregations import AggregationNames

_UNITS = ("S", "M", "H", "D")  # of half-lives: seconds, minutes, hours, days

__all__ = ["ConditionBoost", "FastProp", "Propositionalization", "aggregations", "loss_functions"]


@dataclass(frozen=True)
class AggregationSets:
    """Sets of aggregations: ``FastProp.agg_sets.All``, ``.Default`` and ``.Minimal``."""

    All: Sequence[str] = AggregationNames.fastprop_all
    Default: Sequence[str] = AggregationNames.fastprop_default
    Minimal: Sequence[str] = AggregationNames.minimal


class aggregations(AggregationNames):  # noqa: N801  the name that scripts know
    """Names of aggregations and sets of them; ``ewma(3, "h")`` makes one with a half-life of three hours.

    ``conditional`` are those of ``ConditionBoost``.
    """

    FASTPROP = AggregationSets()
    conditional = (
        AggregationNames.AVG, AggregationNames.COUNT, AggregationNames.LAST, AggregationNames.MAX,
        AggregationNames.MIN, AggregationNames.SUM, AggregationNames.TREND,
    )  # fmt: skip
    Q_1, Q_5, Q_10, Q_25 = AggregationNames.Q1, AggregationNames.Q5, AggregationNames.Q10, AggregationNames.Q25
    Q_75, Q_90, Q_95, Q_99 = AggregationNames.Q75, AggregationNames.Q90, AggregationNames.Q95, AggregationNames.Q99

    @staticmethod
    def ewma(length: int, unit: str = "d") -> str:
        """A moving average whose weights halve every ``length`` seconds, minutes, hours or days (``s m h d``).

        Raises:
            InvalidInput: the length is not a positive whole number, or the unit is another.
        """
        return f"EWMA_{_half_life(length, unit)}"

    @staticmethod
    def ewma_trend(length: int, unit: str = "d") -> str:
        """A trend, as TREND, in which the weight of a value halves every ``length`` of ``unit``, as in ``ewma()``.

        Raises:
            InvalidInput: the length is not a positive whole number, or the unit is another.
        """
        return f"EWMA_TREND_{_half_life(length, unit)}"


def _half_life(length: int, unit: str) -> str:
    if length != int(length) or length < 1:
        raise InvalidInput(f"the half-life {length!r} is not a positive whole number", hint="Take a smaller unit.")
    if unit.upper() not in _UNITS:
        raise InvalidInput(f"a half-life has no unit {unit!r}", hint="Units are s, m, h and d.")
    return f"{int(length)}{unit.upper()}"


_TEXTS = "it leaves texts alone; preprocessors.TextFieldSplitter(vocab_size=...) makes numbers of their words."
_AS_IT_IS: Mapping[str, tuple[float | None, ...]] = {
    "num_threads": (None, 0, 1), "sampling_factor": (None, 1.0), "min_df": (None,), "vocab_size": (None, 0),
}  # fmt: skip
_INSTEAD = {
    "num_threads": "features are made on one thread; fit(..., site=..., buckets=N) makes them in N jobs.",
    "sampling_factor": "it learns from all rows.",
    "min_df": _TEXTS,
    "vocab_size": _TEXTS,
}


@dataclass(frozen=True)
class FastProp(Declaration):
    """All aggregations over all columns of all joins; the best by correlation with a target are kept.

    Args:
        num_features: how many are kept at most. Default 200.
        aggregation: names of ``aggregations``; the default is the set of that name.
        n_most_frequent: count and average also the rows of each category's most frequent values. Default 0.
        windows: further memories in seconds: each feature also over the last so many seconds of its join. Default none.
        delta_t: width in seconds of ``max_lag`` windows one behind the other. Default 0: none.
        max_lag: see ``delta_t``.
        empty: what predictors see where a feature has nothing to aggregate: ``"zero"`` (default), or ``"missing"``,
            which trees learn to place and linear models take for 0. Features and their SQL are null either way.
        loss_function: of the pipeline, where that has none of its own.
        num_threads, sampling_factor, min_df, vocab_size, silent: known to scripts, and not heeded: a StoraxWarning says
            what stands in the place of one that asks for something else than is done.
    """

    agg_sets: ClassVar[AggregationSets] = AggregationSets()

    num_features: int = 200
    aggregation: Sequence[str] = aggregations.default
    n_most_frequent: int = 0
    windows: Sequence[float] = ()
    delta_t: float = 0.0
    max_lag: int = 0
    empty: str = "zero"
    loss_function: type[Declaration] | Declaration | None = None
    num_threads: InitVar[int | None] = None
    sampling_factor: InitVar[float | None] = None
    min_df: InitVar[int | None] = None
    vocab_size: InitVar[int | None] = None
    silent: InitVar[bool | None] = None

    def __post_init__(
        self,
        num_threads: int | None,
        sampling_factor: float | None,
        min_df: int | None,
        vocab_size: int | None,
        silent: bool | None,
    ) -> None:
        arguments = {"num_threads": num_threads, "sampling_factor": sampling_factor, "min_df": min_df,
                 "vocab_size": vocab_size}  # fmt: skip
        for word, value in arguments.items():
            if value not in _AS_IT_IS[word]:
                # This function, the __init__ that calls it, and then the script.
                warnings.warn(f"FastProp does not heed {word}={value!r}: {_INSTEAD[word]}", StoraxWarning, stacklevel=3)

    def to_spec(self) -> dict[str, object]:
        """As JSON."""
        spec = super().to_spec()
        loss = spec.pop("loss_function", None)
        if loss is not None:
            spec["loss_function"] = loss.__name__ if isinstance(loss, type) else type(loss).__name__
        return spec


Propositionalization = FastProp


@dataclass(frozen=True)
class ConditionBoost(Declaration):
    """Aggregations over rows that meet conditions, which are learned from the target by boosting.

    Such as the number of orders of the last three days above 12.5 in two of the categories. Each round draws rows of
    the population, looks for the aggregation and the conditions that explain most of what earlier rounds left, and
    keeps them if they explain something of the other rows too. Use it beside ``FastProp``, or alone.

    Args:
        num_features: how many are kept at most. Default 50.
        n_rounds: how many rounds there are at most, for each target. Default 50.
        learning_rate: which part of what a feature explains is no longer looked for; above 0, up to 1. Default 0.5.
        max_depth: how many conditions a feature has at most, 1 to 10. Default 3.
        min_samples_leaf: of how many drawn rows of the population some joined row must meet the conditions. Default 20.
        max_bins: into how many parts a column is divided; as many of its most frequent categories are told apart.
            2 to 256, default 32.
        subsample: which share of the population a round draws, 0.01 to 0.99. Default 0.5.
        max_samples: how many rows a round draws at most. Default 5,000.
        n_iter_no_change: after how many rounds in vain it ends. Default 5.
        aggregation: some of AVG, COUNT, LAST, MAX, MIN, SUM and TREND; the default is all.
        empty: what predictors see where a feature has nothing to aggregate; see ``FastProp``.
        random_state: seeds the draws; the same seed gives the same features. Default 0.
    """

    num_features: int = 50
    n_rounds: int = 50
    learning_rate: float = 0.5
    max_depth: int = 3
    min_samples_leaf: int = 20
    max_bins: int = 32
    subsample: float = 0.5
    max_samples: int = 5_000
    n_iter_no_change: int = 5
    aggregation: Sequence[str] = aggregations.conditional
    empty: str = "zero"
    random_state: int = 0


def __getattr__(name: str) -> Any:
    if name in ("Fastboost", "Multirel", "RelMT", "Relboost"):
        raise AttributeError(f"{name} is not offered: ConditionBoost, beside FastProp, comes closest.")
    raise AttributeError(f"module 'storax.feature_learning' has no attribute {name!r}")

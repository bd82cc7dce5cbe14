"""FastProp: every aggregation over every column that a join brings in (propositionalisation).

After Kramer, Lavrac and Flach, "Propositionalization approaches to relational data mining" (2001).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from storax_engine.learning.aggregations import catalogue
from storax_engine.learning.aggregations.declaration import ROWS, Aggregation
from storax_engine.learning.errors import BadPlan
from storax_engine.learning.features import comparisons
from storax_engine.learning.features.comparisons import Pair
from storax_engine.learning.features.feature import WHOLE, Feature, name_of
from storax_engine.learning.plan import Join, Part
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TARGET, TIME_STAMP, Column, Frame
from storax_engine.learning.tables.subroles import FASTPROP

_NUMBERS: Mapping[str, tuple[float, tuple[type, ...], str]] = {
    "num_features": (1, (int, np.integer), "a whole number, 1 or more"),
    "n_most_frequent": (0, (int, np.integer), "a whole number, 0 or more"),
    "max_lag": (0, (int, np.integer), "a whole number, 0 or more"),
    "delta_t": (0.0, (int, float, np.number), "a number of seconds, 0 or more"),
    "windows": (0.0, (int, float, np.number), "a number of seconds, 0 or more"),
}
CONDITIONAL = ("COUNT", "AVG", "SUM")
ZERO, MISSING = "zero", "missing"
Window = tuple[float, float | None]
Frequent = Callable[[Frame, str, int], list[str]]
_Input = tuple[str | None, tuple[str, str] | None]  # a column, and what it is compared with


@dataclass(frozen=True)
class FastProp:
    """Parameters of the learner; seconds where a duration is meant."""

    num_features: int = 200
    aggregation: tuple[str, ...] = catalogue.DEFAULT
    n_most_frequent: int = 0
    windows: tuple[float, ...] = ()
    delta_t: float = 0.0
    max_lag: int = 0
    empty: str = ZERO

    def propose(self, join: Join, left: Frame, right: Frame, frequent: Frequent | None = None) -> Iterator[Feature]:
        """All features of a join; category values are counted in ``right``, or by ``frequent``."""
        count, chosen = frequent or most_frequent, [catalogue.named(a) for a in self.aggregation]
        compared = list(comparisons.pairs(join, left, right))
        for window in self._windows(join):
            plain = [*_plain(join, right, window, chosen), *_compared(join, compared, window, chosen)]
            more = self._conditional(join, right, compared, window, {a.name for a in chosen}, count)
            yield from (replace(f, zero=self.empty == ZERO) for f in (*plain, *more))

    def _windows(self, join: Join) -> Iterator[Window]:
        yield WHOLE
        if join.time_stamps is None:
            return
        for end in self.windows:
            yield 0.0, end
        if self.delta_t > 0:
            yield from ((k * self.delta_t, (k + 1) * self.delta_t) for k in range(self.max_lag))

    def _conditional(
        self,
        join: Join,
        right: Frame,
        compared: Sequence[Pair],
        window: Window,
        chosen: set[str],
        frequent: Frequent,
    ) -> Iterator[Feature]:
        if not self.n_most_frequent:
            return
        values: list[_Input] = [(c.name, None) for c in right.of_kind(NUMERICAL, use=FASTPROP)]
        values += [(pair.theirs, (pair.how, pair.mine)) for pair in compared]
        for category in right.of_kind(CATEGORICAL, use=FASTPROP):
            for value in frequent(right, category.name, self.n_most_frequent):
                for name in CONDITIONAL:
                    if name in chosen:
                        inputs: list[_Input] = [(None, None)] if name == "COUNT" else values
                        for column, comparison in inputs:
                            yield _feature(join, name, column, window, (category.name, value), comparison)


def read(part: Part) -> FastProp:
    """The learner a description names. Raises ``BadPlan`` for another kind or a parameter it does not have."""
    if part.kind not in {"FastProp", "Propositionalization"}:
        raise BadPlan(
            f"feature learner {part.kind!r} is not offered: FastProp is, and ConditionBoost, which learns conditions "
            "from the target"
        )
    params = {k: v for k, v in part.parameters.items() if k in {f.name for f in fields(FastProp)} and v is not None}
    for many in ("aggregation", "windows"):
        if many in params:
            if isinstance(params[many], str) or not isinstance(params[many], Iterable):
                raise BadPlan(f"FastProp: {many} is {params[many]!r}: give a list")
            params[many] = tuple(params[many])
    for name, (least, kinds, requirement) in _NUMBERS.items():
        values: Any = params.get("windows", ()) if name == "windows" else [params[name]] if name in params else []
        for value in values:
            number = isinstance(value, kinds)
            if not number or not least <= value < np.inf:
                raise BadPlan(f"FastProp: {name} is {value!r}: {requirement}")
    if "aggregation" in params:  # "COUNT DISTINCT" is another spelling of COUNT_DISTINCT
        params["aggregation"] = tuple(str(name).replace(" ", "_") for name in params["aggregation"])
    learner = FastProp(**params)
    for name in learner.aggregation:
        catalogue.named(name)
    if learner.empty not in (ZERO, MISSING):
        raise BadPlan(f"FastProp: empty is {learner.empty!r}: it is {ZERO!r} or {MISSING!r}")
    return learner


def nested(join: Join, right: Frame) -> list[Feature]:
    """Features below the first level of joins: few, as each is aggregated once more above."""
    return list(_plain(join, right, WHOLE, [catalogue.named(a) for a in catalogue.NESTED]))


def most_frequent(frame: Frame, category: str, n: int) -> list[str]:
    """The values seen most often, most frequent first; ties in order of the text."""
    codes, values = frame.coded(category)
    seen = np.bincount(codes[codes >= 0], minlength=len(values))
    return often(dict(zip(values.to_pylist(), seen.tolist(), strict=True)), n)


def often(seen: Mapping[str, int], n: int) -> list[str]:
    """The values with the highest counts, highest first; ties in order of the text."""
    return sorted(seen, key=lambda text: (-seen[text], text))[:n]


def _plain(join: Join, right: Frame, window: Window, chosen: list[Aggregation]) -> Iterator[Feature]:
    timed = join.time_stamps is not None
    usable = [a for a in chosen if timed or not a.needs_time]
    for column in inputs(join, right):
        yield from (_feature(join, a.name, column.name, window) for a in usable if _counted(column) in a.kinds)
    yield from (_feature(join, a.name, None, window) for a in usable if a.kinds == ROWS)


def _compared(join: Join, pairs: Sequence[Pair], window: Window, chosen: list[Aggregation]) -> Iterator[Feature]:
    timed = join.time_stamps is not None
    usable = [a for a in chosen if NUMERICAL in a.kinds and (timed or not a.needs_time)]
    for pair in pairs:
        of_pair = (pair.how, pair.mine)
        yield from (_feature(join, a.name, pair.theirs, window, None, of_pair) for a in usable if pair.accepts(a))


def _counted(column: Column) -> str:
    return NUMERICAL if column.kind == TARGET else column.kind


def inputs(join: Join, right: Frame) -> Iterator[Column]:
    """Yield the columns of a joined table that features may be made of."""
    for column in right.of_kind(NUMERICAL, CATEGORICAL, TIME_STAMP, TARGET, use=FASTPROP):
        if column.kind == TIME_STAMP and (join.time_stamps is None or column.name == join.upper_time_stamp):
            continue
        if column.kind == TARGET and not join.lagged_targets:
            continue
        yield column


def _feature(
    join: Join,
    aggregation: str,
    column: str | None,
    window: Window,
    condition: tuple[str, str] | None = None,
    compared: tuple[str, str] | None = None,
) -> Feature:
    node = join.right.name
    shown = comparisons.column_name(column, compared) if column and compared else column
    name = name_of(node, aggregation, shown, window, condition)
    return Feature(name, node, aggregation, column, window, condition, compared)

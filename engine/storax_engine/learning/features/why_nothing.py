"""Why a fit found no feature, in one sentence that names each cause."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import pyarrow as pa

from storax_engine.learning.boosting import learners
from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.features import joins_checked
from storax_engine.learning.plan import Plan
from storax_engine.learning.tables.columns import Floats


class Source(Protocol):
    """What a fit knows of its tables."""

    schemas: dict[str, pa.Schema]

    def levels(self) -> Mapping[str, int]:
        """How far each join came that was used."""

    def rows(self) -> Mapping[str, int]:
        """Rows by placeholder, of those whose rows are known."""


def sentence(plan: Plan, source: Source, y: Floats) -> str:
    """Return the causes, or what to do where there is none but the description."""
    rows, right = source.rows(), [node.name for node in plan.population.walk()][1:]
    causes = [f"table {name!r} has no rows" for name in right if rows.get(name) == 0]
    if len(y) == 1:
        causes.append(f"table {plan.population.name!r} has one row, in which nothing varies")
    else:
        causes += [*constant_targets(plan, y), *too_few_rows(plan, len(y))]
    matched = {name: joins_checked.MATCHED for name in right if rows.get(name) == 0}
    causes += joins_checked.warnings(plan, {**source.levels(), **matched}, source.schemas)
    if not plan.learners or not right:
        causes.append("give columns of the population the role numerical, or add a join and a learner")
    searched = any(part.kind == "ConditionBoost" for part in plan.learners)
    nothing = "explains the target of rows that it was not learned from" if searched else "varies between rows"
    return f"there are no features: {'; '.join(causes) or f'nothing that was computed {nothing}'}"


def constant_targets(plan: Plan, y: Floats) -> Iterator[str]:
    """Yield a sentence for each target that never varies."""
    for name, values in zip(plan.targets, y.T, strict=False):
        if len(values) > 1 and (values == values[0]).all():
            yield f"target {name!r} has the same value in all rows, so that nothing can be learned of it"


def too_few_rows(plan: Plan, rows: int) -> Iterator[str]:
    """Yield a sentence for each ConditionBoost that cannot find anything in so few rows."""
    for learner in learners.of(plan):
        if isinstance(learner, ConditionBoost) and (drawn := learner.drawn(rows)) < learner.needed():
            yield (
                f"ConditionBoost draws {drawn:,} of {rows:,} rows of {plan.population.name!r} in a round, but "
                f"min_samples_leaf={learner.min_samples_leaf} needs {learner.needed():,}: lower it"
            )

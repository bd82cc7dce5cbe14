"""What ConditionBoost learns before the tables are split: it draws rows of all keys, so the tables are read whole."""

from collections.abc import Callable, Mapping

from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.buckets.placeholder_tables import columns, own_tables
from storax_engine.learning.buckets.sources import Source
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.plan import Plan
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.columns import Floats
from storax_engine.learning.tables.feature_matrix import Features
from storax_engine.learning.tables.workspace import Workspace


def learn(
    plan: Plan,
    sources: Mapping[str, Source],
    preparation: Preparation,
    y: Floats,
    tick: Callable[[], None],
    learner: ConditionBoost,
) -> list[Feature]:
    """Return the features that a fit in memory learns of the same tables."""
    tables = {node.name: sources[node.name].table(columns(plan, node)) for node in plan.population.walk()}
    workspace = Workspace(own_tables(plan), tables, preparation.apply, Cache(), tick)
    return Features(workspace, workspace.population()).best(learner, y)[0]

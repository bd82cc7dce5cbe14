"""A pipeline's frames without rows: which columns there are, of which kinds and in which order."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from storax_engine.learning.buckets.placeholder_tables import own_tables
from storax_engine.learning.features.fastprop import FastProp, Frequent
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.plan import MANY_TO_MANY, Node, Plan
from storax_engine.learning.preparation import WITH_TARGETS, Preparation
from storax_engine.learning.tables.cache import Cache
from storax_engine.learning.tables.feature_matrix import Features
from storax_engine.learning.tables.frame import CATEGORICAL, Frame
from storax_engine.learning.tables.workspace import Workspace


class Skeleton:
    """Made from the schemas by name of placeholder and what the preprocessors learned. ``population`` is its frame."""

    def __init__(self, plan: Plan, schemas: Mapping[str, pa.Schema], preparation: Preparation) -> None:
        self.plan, self.schemas = plan, dict(schemas)
        empty = {name: schema.empty_table() for name, schema in schemas.items()}
        self._workspace = Workspace(own_tables(plan), empty, preparation.apply, Cache(), lambda: None)
        self.population: Frame = self._workspace.population()
        if WITH_TARGETS in preparation.states:
            preparation.apply_population(self.population)
        self._features = Features(self._workspace, self.population)

    @property
    def kinds(self) -> dict[str, dict[str, str]]:
        """The kinds of each placeholder's columns, as a fit keeps them."""
        if self.plan.learners:
            for join in self._workspace.plan.population.joins:
                self._workspace.index(join)
        return self._workspace.kinds

    def own(self, *, categorical: bool) -> list[Feature]:
        """As ``Features.own``."""
        return self._features.own(categorical=categorical)

    def categories(self) -> list[str]:
        """The population's categorical columns."""
        return [c.name for c in self.population.of_kind(CATEGORICAL)]

    def joined(self) -> Iterator[Node]:
        """The placeholders whose rows are aggregated for the population."""
        return (join.right for join in self.plan.population.joins if join.relationship == MANY_TO_MANY)

    def propose(self, learner: FastProp, frequent: Frequent) -> list[Feature]:
        """All features that a learner can make."""
        proposed = list[Feature]()
        for join in self._workspace.plan.population.joins:
            if join.relationship == MANY_TO_MANY:
                right = self._workspace.index(join).frame
                proposed += learner.propose(join, self.population, right, frequent)
        return proposed

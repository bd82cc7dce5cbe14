"""The preprocessors of a pipeline, and what each learned of each frame."""

from typing import Any

from storax_engine.learning.plan import Node, Plan
from storax_engine.learning.preprocessors import registry
from storax_engine.learning.tables.columns import Floats
from storax_engine.learning.tables.frame import Frame
from storax_engine.learning.tables.subroles import asked_for

WITH_TARGETS = "(population)"


class Preparation:
    """Fits while the training data are read, applies the same in every later call.

    ``states`` has a list by placeholder, with one entry for each preprocessor; those that need the targets come last,
    and see the population with the columns of its many-to-one joins. ``steps`` and ``means`` are the two kinds.
    """

    def __init__(self, plan: Plan, states: dict[str, Any] | None = None) -> None:
        own = [p for p in plan.preprocessors if p.kind != registry.TARGET_MEANS]
        if states is None:
            registry.check_columns(own, plan.roles)
        joined = {node.table for node in plan.population.walk()}
        marked = asked_for({table: marks for table, marks in plan.subroles.items() if table in joined})
        self.steps = [registry.make(p, marked) for p in own]
        self.means = [registry.target_means(p) for p in plan.preprocessors if p.kind == registry.TARGET_MEANS]
        self._targets = plan.targets
        self.states: dict[str, Any] = states or {}
        if not self.steps:  # nothing is learned of a frame, so it may be one that another fit has prepared
            self.states = {node.name: [] for node in plan.population.walk()} | self.states

    @property
    def owner(self) -> "Preparation | None":
        """Whose states the frames are prepared with; None where all would prepare them alike."""
        return self if self.steps else None

    def fit(self, node: Node, frame: Frame) -> None:
        """Learn from a frame of the training data, and apply."""
        states = self.states[node.name] = []
        for step in self.steps:
            states.append(step.fit(frame))
            step.apply(frame, states[-1])

    def apply(self, node: Node, frame: Frame) -> None:
        """Do to a frame what was done to the same node's in training."""
        for step, state in zip(self.steps, self.states[node.name], strict=True):
            step.apply(frame, state)

    def fit_population(self, population: Frame, y: Floats) -> None:
        """Learn what needs the targets, and apply it as is right for training rows."""
        states = self.states[WITH_TARGETS] = []
        for step in self.means:
            states.append(step.fit(population, y, self._targets))
            step.train(population, states[-1], y, self._targets)

    def apply_population(self, population: Frame) -> None:
        """Do to the population what was learned with the targets."""
        for step, state in zip(self.means, self.states[WITH_TARGETS], strict=True):
            step.apply(population, state)

"""The preprocessors of a pipeline, and what each learned of each frame."""

from typing import Any

from storax_engine.learning.columns import Floats
from storax_engine.learning.frame import Frame
from storax_engine.learning.plan import Node, Plan
from storax_engine.learning.preprocessors import registry


class Preparation:
    """Fits while the training data are read, applies the same in every later call."""

    def __init__(self, plan: Plan, states: dict[str, Any] | None = None) -> None:
        self._steps = [registry.make(p) for p in plan.preprocessors if p.kind != "Mapping"]
        self.states: dict[str, Any] = states or {}

    def fit(self, node: Node, frame: Frame) -> None:
        """Learn from a frame of the training data, and apply."""
        states = self.states[node.name] = []
        for step in self._steps:
            states.append(step.fit(frame))
            step.apply(frame, states[-1])

    def apply(self, node: Node, frame: Frame) -> None:
        """Do to a frame what was done to the same node's in training."""
        for step, state in zip(self._steps, self.states[node.name], strict=True):
            step.apply(frame, state)

    def fit_population(self, population: Frame, y: Floats, task: str) -> Frame:  # noqa: ARG002
        """Learn what needs the targets."""
        return population

    def apply_population(self, population: Frame) -> Frame:
        """Do to the population what was learned with the targets."""
        return population

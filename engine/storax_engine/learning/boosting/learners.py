"""The learners that a description may name."""

from storax_engine.learning.boosting import condition_boost
from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.features import fastprop
from storax_engine.learning.features.fastprop import FastProp
from storax_engine.learning.plan import Part

Learner = FastProp | ConditionBoost


def read(part: Part) -> Learner:
    """The learner that a description names. Raises ``BadPlan`` for another kind or a parameter it does not have."""
    return condition_boost.read(part) if part.kind == condition_boost.KIND else fastprop.read(part)

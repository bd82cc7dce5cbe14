"""The learners that a description may name."""

from storax_engine.learning.boosting import condition_boost
from storax_engine.learning.boosting.condition_boost import ConditionBoost
from storax_engine.learning.errors import BadPlan
from storax_engine.learning.features import fastprop
from storax_engine.learning.features.fastprop import FastProp
from storax_engine.learning.plan import Part, Plan

Learner = FastProp | ConditionBoost


def read(part: Part) -> Learner:
    """The learner that a description names. Raises ``BadPlan`` for another kind or a parameter it does not have."""
    return condition_boost.read(part) if part.kind == condition_boost.KIND else fastprop.read(part)


def of(plan: Plan) -> list[Learner]:
    """The learners of a pipeline. Raises ``BadPlan`` as ``read`` does, or if one needs a target and there is none."""
    learners = [read(part) for part in plan.learners]
    if not plan.targets and any(isinstance(learner, ConditionBoost) for learner in learners):
        raise BadPlan(f"{condition_boost.KIND} learns from a target: give a column of the population the role target")
    return learners

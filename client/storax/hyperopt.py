"""Searches for good parameters under the names that scripts know; ``storax.pipeline.tune`` is what they call.

::

    space = {"predictors": [{"reg_lambda": [0.0, 10.0]}]}
    search = storax.hyperopt.RandomSearch(pipeline=pipe, param_space=space, n_iter=20)
    search.fit(container)
    search.best_pipeline
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from storax.errors import InvalidInput

if TYPE_CHECKING:
    from storax.pipeline.handle import Pipeline
    from storax.pipeline.tuning import Tuning

__all__ = ["GaussianHyperparameterSearch", "LatinHypercubeSearch", "RandomSearch"]


class _Search:
    """Look for the parameters with which a pipeline scores best.

    Args:
        param_space: By part of the pipeline a list, a dict for each: ``{"predictors": [{"reg_lambda": [0.0, 9.0]}]}``.
            Two numbers are the bounds, other lists are choices. Paths as ``storax.pipeline.tune`` takes them do too.
        pipeline: What is tuned; it stays as it is.
        score: accuracy, auc, cross_entropy, mae, rmse or rsquared; by default rmse or auc.
        n_iter: How many trials. Default 100.
        seed: With the same seed and data the trials are the same. Default 5483.
        **more: Further arguments of ``storax.pipeline.tune``: ``site``, ``job``, ``in_flight``, ``name``, ...
    """

    _sampler: ClassVar[str]

    def __init__(
        self,
        param_space: Mapping[str, Any],
        pipeline: "Pipeline",
        score: str | None = None,
        n_iter: int = 100,
        seed: int = 5483,
        **more: Any,
    ) -> None:
        self.param_space, self.pipeline = param_space, pipeline
        self.score, self.n_iter, self.seed = score, n_iter, seed
        self._more = more
        self._tuning: Tuning | None = None

    def fit(self, container: Any, train: str = "train", validation: str = "validation") -> Self:
        """Search on two subsets of a container, by their names.

        Raises:
            As ``storax.pipeline.tune``.
        """
        from storax.pipeline import tune

        self._tuning = tune(
            self.pipeline, paths(self.param_space), container[train], container[validation], n_trials=self.n_iter,
            score=self.score, sampler=self._sampler, seed=self.seed, **self._more,
        )  # fmt: skip
        return self

    @property
    def tuning(self) -> "Tuning":
        """What was found: every trial, with its parameters and scores.

        Raises:
            InvalidInput: ``fit()`` was not called.
        """
        if self._tuning is None:
            raise InvalidInput("The search has not been fitted.", hint="Call fit(container) first.")
        return self._tuning

    @property
    def best_pipeline(self) -> "Pipeline":
        """The best of them, fitted."""
        return self.tuning.best_pipeline


class RandomSearch(_Search):
    """Parameters are drawn at random; see ``storax.pipeline.tune``."""

    _sampler = "random"


class LatinHypercubeSearch(_Search):
    """Parameters are spread evenly over the space; see ``storax.pipeline.tune``."""

    _sampler = "latin_hypercube"


class GaussianHyperparameterSearch(_Search):
    """Parameters are chosen by what scored well before: by Parzen estimators (TPE), not by a Gaussian process."""

    _sampler = "tpe"


def paths(space: Mapping[str, Any]) -> dict[str, Any]:
    """A space by part of the pipeline, as one by path."""
    by_path: dict[str, Any] = {}
    for part, entry in space.items():
        if not isinstance(entry, list) or not all(isinstance(one, Mapping) for one in entry):
            by_path[part] = entry
            continue
        for place, ranges in enumerate(entry):
            by_path |= {f"{part}.{place}.{name}": _range(bounds) for name, bounds in ranges.items()}
    return by_path


def _range(bounds: Any) -> Any:
    numbers = isinstance(bounds, Sequence) and all(type(one) in (int, float) for one in bounds)
    return tuple(bounds) if numbers and len(bounds) == 2 else bounds

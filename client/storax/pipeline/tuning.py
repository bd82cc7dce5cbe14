"""Tuning: many fits with other parameters, as jobs; the best is kept."""

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storax._engine import session
from storax._engine.declaration import plain
from storax.errors import InvalidInput
from storax.pipeline.results import charts
from storax.pipeline.serialize import subset_of, where_of

if TYPE_CHECKING:
    from storax.pipeline.handle import Pipeline


class Tuning:
    """What a tuning found.

    Attributes:
        name: Under which it can go on.
        score: What was looked at.
        seed: From which it can be repeated.
        trials: One dict a trial: ``number``, ``state`` (COMPLETE or FAIL), ``params``, ``value``, ``scores``,
            ``job_id``, and ``reason`` of a failed one.
        best_pipeline: The best of them, fitted, as an edition in the engine.
    """

    def __init__(self, reply: dict[str, Any], best_pipeline: "Pipeline") -> None:
        self.name, self.score, self.seed = str(reply["name"]), str(reply["score"]), int(reply["seed"])
        self.trials: list[dict[str, Any]] = reply["trials"]
        self.best_pipeline = best_pipeline
        self._best = int(reply["best"])

    @property
    def best_trial(self) -> dict[str, Any]:
        """The trial with the best score; of equal ones the first."""
        return self.trials[self._best]

    @property
    def best_params(self) -> dict[str, Any]:
        """Its parameters by path."""
        return dict(self.best_trial["params"])

    @property
    def best_value(self) -> float:
        """Its score."""
        return float(self.best_trial["value"])

    def to_pandas(self) -> Any:
        """A row for each trial; needs pandas."""
        from storax.data.exchange import tables

        rows = [{k: v for k, v in trial.items() if k != "params"} | trial["params"] for trial in self.trials]
        return tables.library("pandas").DataFrame(rows)

    def to_vega_lite(self) -> dict[str, Any]:
        """Vega-Lite's description of the score of each trial, as JSON; needs no library. Failed ones are left out."""
        return charts.trials(self.name, self.score, self.trials, int(self.best_trial["number"]))

    def __repr__(self) -> str:
        best = f"best_value={self.best_value:.4g}, best_params={self.best_params}"
        return f"Tuning(name={self.name!r}, trials={len(self.trials)}, score={self.score!r}, {best})"


def tune(
    pipeline: "Pipeline",
    search_space: Mapping[str, Any],
    train: Any,
    validation: Any,
    *,
    n_trials: int = 20,
    score: str | None = None,
    sampler: str = "tpe",
    seed: int | None = None,
    in_flight: int = 2,
    retries: int = 1,
    name: str | None = None,
    site: str | None = None,
    job: Mapping[str, Any] | None = None,
) -> Tuning:
    """Look for the parameters with which a pipeline scores best. Each trial is a job: a fit and its score.

    Interrupted by Ctrl-C or a kill, it goes on where it was when called again with the same ``name`` and arguments.

    Args:
        pipeline: What is tuned; it stays as it is.
        search_space: By path, as ``"predictors.max_depth"`` or ``"predictors.1.max_depth"``: a tuple ``(low, high)``
            or ``(low, high, "log")``, of whole numbers or not, a list of choices, or a distribution of Optuna.
        train: The subset to learn from, as ``container.train``.
        validation: The subset to score on, as ``container.validation``.
        n_trials: How many trials there are in the end, those of earlier calls among them. Default 20.
        score: accuracy, auc, cross_entropy, mae, rmse or rsquared; by default rmse or auc. With several
            targets it is the mean.
        sampler: ``"tpe"`` (default), ``"random"`` or ``"latin_hypercube"``.
        seed: With the same seed, data and ``in_flight`` the trials are the same; by default one is drawn.
        in_flight: Trials at work at once. Default 2.
        retries: How often a trial that failed is tried again, unless its parameters or the data are why. Default 1.
        name: Of the tuning; by default six characters.
        site: Name of the site where the trials run; by default they run in the engine's process.
        job: Fields of the trials' Jobs at the site.

    Raises:
        InvalidInput: the search space, a setting, the description or the data cannot be used.
        Conflict: there is a tuning of that name with other arguments, or it is at work.
        JobFailed: every trial failed.
    """
    if not isinstance(search_space, Mapping) or not search_space:
        raise InvalidInput("A tuning needs a search space.", hint='As {"predictors.max_depth": (2, 9)}.')
    n_trials, in_flight = _count("n_trials", n_trials, 1), _count("in_flight", in_flight, 1)
    retries, seed = _count("retries", retries, 0), None if seed is None else _count("seed", seed, 0)
    arguments = {
        "spec": pipeline._spec(), "space": {path: range_of(path, bounds) for path, bounds in search_space.items()},
        "train": subset_of(train, None), "test": subset_of(validation, None), "n_trials": n_trials, "name": name,
        "pipeline": pipeline.name if pipeline.name != "NOT FITTED" else None, "tags": pipeline.tags, "score": score,
        "sampler": sampler, "seed": seed, "in_flight": in_flight, "retries": retries,
        **where_of(site, job),
    }  # fmt: skip
    reply = session.call_with_progress("Tuning" if site is None else f"Tuning at {site}", "tune_pipeline", arguments)
    return Tuning(reply, type(pipeline)._of(reply["pipeline"])._learned(reply["pipeline"]))


def _count(word: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if number < least:
        raise InvalidInput(f"{word} is {value!r}: give a whole number from {least} on.")
    return number


def range_of(path: str, bounds: Any) -> dict[str, Any]:
    """One entry of a search space as JSON.

    Raises:
        InvalidInput: it is none.
    """
    if hasattr(bounds, "_asdict"):  # a distribution of Optuna's
        bounds = bounds._asdict()
    if isinstance(bounds, Mapping):
        return {str(key): plain(value) for key, value in bounds.items()}
    if isinstance(bounds, list) and bounds:
        return {"choices": [plain(choice) for choice in bounds]}
    if isinstance(bounds, tuple) and len(bounds) in (2, 3) and bounds[2:] in ((), ("log",)):
        return {"low": bounds[0], "high": bounds[1], "log": len(bounds) == 3}
    raise InvalidInput(
        f"The search space of {path!r} is {bounds!r}.",
        hint='Give (low, high), (low, high, "log"), a list of choices, or a distribution of Optuna.',
    )

"""A search for good parameters: Optuna chooses, this file remembers. What is chosen depends on the seed and on what was
told before alone, never on when: a search that was killed goes on as if it had not been.
"""

import copy
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from storax._runtime.suggestions import nearest
from storax.errors import Conflict, InvalidInput
from storax_engine.remote.tuning_files import read_settings, read_trials, write_settings, write_trials

Row = dict[str, Any]
SAMPLERS = ("tpe", "random", "latin_hypercube")
DIRECTIONS = {
    "accuracy": "maximize", "auc": "maximize", "cross_entropy": "minimize",
    "mae": "minimize", "rmse": "minimize", "rsquared": "maximize",
}  # fmt: skip
_LABELS = {"spec": "pipeline", "space": "search space", "train": "subset to learn from", "test": "subset to score on",
          "frames": "edition of its data frames", "test_frames": "edition of its data frames"}  # fmt: skip

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Search:
    """One search in a folder. For one thread at a time.

    ``settings`` are space, score, sampler, seed, n_trials and whatever else must be the same when it goes on.
    """

    def __init__(self, folder: Path, settings: Row) -> None:
        self.settings = _kept(folder, settings)
        self._folder = folder
        self._space = {path: _distribution(path, entry) for path, entry in self.settings["space"].items()}
        self.trials: list[Row] = read_trials(folder)
        self._study = optuna.create_study(direction=DIRECTIONS[self.settings["score"]])
        for trial in self.trials:
            self._study.add_trial(self._remembered(trial))

    def ask(self) -> Row:
        """The next trial: its number and parameters. It is on the disk when this returns."""
        number = len(self.trials)
        self._study.sampler = self._sampler(number)
        if self.settings["sampler"] == "latin_hypercube":
            self._study.enqueue_trial(self._cell(number))
        chosen = self._study.ask(self._space)
        self.trials.append({"number": number, "state": "RUNNING", "params": chosen.params})
        self._write()
        return self.trials[number]

    def tell(self, number: int, scores: Mapping[str, float | None] | None, **facts: Any) -> None:
        """Record the outcome of a trial; no scores: it failed. Call it in the order of the trials' numbers."""
        value = self._value(scores or {})
        state = "FAIL" if value is None else "COMPLETE"
        self.trials[number] |= {"state": state, "value": value, "scores": dict(scores or {}), **facts}
        self._study.tell(number, value, TrialState[state])
        self._write()

    def left(self) -> list[Row]:
        """Trials that were proposed and have no recorded outcome."""
        return [trial for trial in self.trials if trial["state"] == "RUNNING"]

    def best(self) -> Row | None:
        """The best trial so far; of equal ones the first."""
        complete = [trial for trial in self.trials if trial["state"] == "COMPLETE"]
        sign = -1 if DIRECTIONS[self.settings["score"]] == "maximize" else 1
        return min(complete, key=lambda trial: (sign * trial["value"], trial["number"]), default=None)

    def spec(self, trial: Row) -> Row:
        """The pipeline's description with the parameters of a trial."""
        spec = copy.deepcopy(self.settings["spec"])
        for path, value in self.plain(trial).items():
            where, key = place(spec, path)
            where[key] = value
        return dict(spec)

    def plain(self, trial: Row) -> Row:
        """A trial's parameters by path."""
        choices = {path for path, entry in self.settings["space"].items() if "choices" in entry}
        return {path: json.loads(v) if path in choices else v for path, v in trial["params"].items()}

    def _value(self, scores: Mapping[str, float | None]) -> float | None:
        score = self.settings["score"]
        values = [value for name, value in scores.items() if name.partition(".")[0] == score]
        return None if not values or None in values else float(np.mean(np.array(values, float)))

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        seed = int(np.random.SeedSequence([self.settings["seed"], number]).generate_state(1)[0])
        return (
            optuna.samplers.TPESampler(seed=seed)
            if self.settings["sampler"] == "tpe"
            else optuna.samplers.RandomSampler(seed=seed)
        )

    def _cell(self, number: int) -> Row:
        """One cell of a Latin hypercube of as many trials as were asked for; what is beyond is drawn freely."""
        from scipy.stats import qmc

        cells = qmc.LatinHypercube(len(self._space), rng=self.settings["seed"]).random(self.settings["n_trials"])
        if number >= len(cells):
            return {}
        return {p: _at(d, float(u)) for (p, d), u in zip(self._space.items(), cells[number], strict=True)}

    def _remembered(self, trial: Row) -> optuna.trial.FrozenTrial:
        return create_trial(
            params=trial["params"],
            distributions=self._space,
            value=trial.get("value"),
            state=TrialState[trial["state"]],
        )

    def _write(self) -> None:
        write_trials(self._folder, self.trials)


def place(spec: Any, path: str) -> tuple[Any, Any]:
    """Where in a description a parameter stands, as ``predictors.0.max_depth`` or, for the first, without the 0.

    Raises:
        InvalidInput: there is no such part or parameter.
    """
    here, parts = spec, path.split(".")
    for i, word in enumerate(parts):
        if isinstance(here, list):
            if not word.isdecimal():
                here = here[0] if here else {}
            elif int(word) < len(here):
                here = here[int(word)]
                continue
            else:
                raise InvalidInput(f"The search space names {path!r}, and there are only {len(here)} {parts[0]}.")
        if not isinstance(here, dict):
            break
        if isinstance(here.get("parameters"), dict) and word not in here:
            here = here["parameters"]
            if i == len(parts) - 1:
                return here, word  # an estimator's own parameter need not be set yet
        if word not in here or word == "kind":
            raise InvalidInput(f"The search space names {path!r}, which is no parameter.", hint=nearest(word, here))
        if i == len(parts) - 1:
            if isinstance(here[word], dict) or any(isinstance(one, dict) for one in _listed(here[word])):
                break
            return here, word
        here = here[word]
    raise InvalidInput(f"The search space names {path!r}, which is no parameter.", hint="As predictors.max_depth.")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _kept(folder: Path, settings: Row) -> Row:
    """The settings of a search, which is begun here or goes on."""
    for path, entry in settings["space"].items():
        place(settings["spec"], path)
        _distribution(path, entry)
    known = read_settings(folder)
    if known is None:
        drawn = {"seed": secrets.randbelow(2**31)} if settings["seed"] is None else {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_settings(folder, settings | drawn)
        return settings | drawn
    free = {"n_trials"} if settings["sampler"] != "latin_hypercube" else set()
    wrong = [key for key in settings if key not in free and settings[key] is not None and known[key] != settings[key]]
    if wrong:
        raise Conflict(
            f"There is a tuning {unquote(folder.name)!r}, begun with another {_LABELS.get(wrong[0], wrong[0])}.",
            hint="Give this one another name, or the same arguments to go on with that one.",
        )
    return {**known, "n_trials": settings["n_trials"]}


def _distribution(path: str, entry: Mapping[str, Any]) -> BaseDistribution:
    try:
        if "choices" in entry:
            return CategoricalDistribution([json.dumps(choice, sort_keys=True) for choice in entry["choices"]])
        low, high, log, step = entry["low"], entry["high"], bool(entry.get("log")), entry.get("step")
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high, log=log, step=step or 1)
        return FloatDistribution(float(low), float(high), log=log, step=step)
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(f"The search space of {path!r} cannot be used: {error}") from error


def _at(distribution: BaseDistribution, part: float) -> Any:
    """The value that lies so far (0 to 1) into a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(part * len(distribution.choices))]
    assert isinstance(distribution, (IntDistribution, FloatDistribution))  # noqa: S101
    whole = isinstance(distribution, IntDistribution)
    low, high = float(distribution.low), float(distribution.high) + whole
    value = float(np.exp(np.log(low) + part * np.log(high / low))) if distribution.log else low + part * (high - low)
    if distribution.step:
        value = distribution.low + (value - distribution.low) // distribution.step * distribution.step
    return min(int(value), int(distribution.high)) if whole else value

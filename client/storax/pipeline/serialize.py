"""What is asked of the engine about a pipeline, out of what users give."""

from collections.abc import Mapping
from typing import Any

from storax._engine.declaration import declared
from storax.data.container import Container, Subset
from storax.data.model import DataModel
from storax.data.source import Source
from storax.errors import InvalidInput
from storax.pipeline.state import PipelineState, listed


def subset_of(population: Any, peripheral: Any) -> dict[str, Any]:
    """Describe the rows of a subset, a container with one, or a frame with its peripheral frames.

    Raises:
        InvalidInput: they are none.
    """
    if isinstance(population, Container):
        population = population["full"]
    if isinstance(population, Subset):
        return population.to_spec()
    if not isinstance(population, Source):
        raise InvalidInput(
            f"{population!r} is no data.", hint="Pass a subset such as container.train, or a data frame."
        )
    return Subset("", population, peripheral_frames(peripheral)).to_spec()


def peripheral_frames(peripheral: Any) -> dict[str, Source]:
    """Return peripheral data frames and views by name of placeholder.

    Args:
        peripheral: They by name; or one or a list of them, under their own names; or None.

    Raises:
        InvalidInput: one of them is in this process.
    """
    if isinstance(peripheral, Mapping):
        named = {str(name): frame for name, frame in peripheral.items()}
    else:
        listed_frames = [] if peripheral is None else listed(peripheral)
        named = {str(frame.name) if isinstance(frame, Source) else "": frame for frame in listed_frames}
    for name, frame in named.items():
        if not isinstance(frame, Source):
            kind = f"is a {type(frame).__name__}, and no data frame or view of Storax"
            raise InvalidInput(
                f"The peripheral table {name!r} {kind}." if name else f"A peripheral table {kind}.",
                hint=f"Make one of it: storax.data.DataFrame({name or 'NAME'!r}, data=..., roles=...).",
            )
    return named


def where_of(site: str | None, job: Mapping[str, Any] | None, buckets: int | None = None) -> dict[str, Any]:
    """Return the place of the work, as arguments of a command.

    Raises:
        InvalidInput: job= or buckets= without a site, or what they cannot be.
    """
    for word, value in (("buckets", buckets), ("job", job)):
        if site is None and value:
            raise InvalidInput(f"{word}= is for work at a site.", hint='Say where: site="name".')
    if job is not None and not isinstance(job, Mapping):
        raise InvalidInput(f"job is {job!r}: give fields of a Job.", hint='As {"threads_per_rank": 8}.')
    if buckets is not None and type(buckets) is not int:
        raise InvalidInput(f"buckets is {buckets!r}: give a whole number from 1 on.")
    where = {"site": site, "job": dict(job or {})} if site is not None else {}
    return where | ({"buckets": buckets} if buckets is not None else {})


def spec_of(pipe: PipelineState) -> dict[str, Any]:
    """A pipeline's description; ``restored.hyperparameters`` is the way back.

    One without a data model learns from the population alone.

    Raises:
        InvalidInput: it has parts that are none.
    """
    model = pipe.data_model or DataModel("population")
    roles = roles_of(model)
    return {
        "data_model": model.to_spec(),
        "roles": roles,
        "stated": sorted(roles),  # the engine completes the roles, and a handle must tell which were ours
        "preprocessors": parts_of("preprocessors", pipe.preprocessors),
        "feature_learners": parts_of("feature_learners", pipe.feature_learners),
        "feature_selectors": parts_of("feature_selectors", pipe.feature_selectors),
        "predictors": parts_of("predictors", pipe.predictors),
        "loss_function": None if pipe.loss_function is None else declared(pipe.loss_function),
        "include_categorical": pipe.include_categorical,
        "share_selected_features": pipe.share_selected_features,
    }


def parts_of(word: str, one_or_more: list[Any]) -> list[Any]:
    """Parts of a pipeline as JSON.

    Raises:
        InvalidInput: one of them is none.
    """
    parts = [declared(part) for part in listed(one_or_more)]
    wrong = [part for part in parts if not isinstance(part, Mapping)]
    if wrong:
        raise InvalidInput(
            f"Among the {word} is {wrong[0]!r}.",
            hint="Give parts such as storax.feature_learning.FastProp(); storax.predictors.SklearnEstimator("
            '"sklearn.linear_model.Lasso") stands for an estimator of scikit-learn.',
        )
    return parts


def roles_of(model: DataModel) -> dict[str, dict[str, list[str]]]:
    """Roles that placeholders state."""
    placeholders = [model.population, *model.peripheral.values()]
    return {p.name: p.roles.to_mapping() for p in placeholders if p.roles is not None and p.stated}


def tables_of(model: DataModel | None) -> dict[str, str]:
    """Name of the table by name of its use in the joins, the population's first."""
    below, tables = [(model or DataModel("population")).to_spec()], {}
    while below:
        node = below.pop(0)
        tables[str(node["name"])] = str(node["table"])
        below += [join["right"] for join in node["joins"]]
    return tables

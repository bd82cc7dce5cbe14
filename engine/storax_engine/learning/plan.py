"""The description of a pipeline, read from JSON and checked as far as that goes without data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from storax_engine.learning.errors import BadPlan
from storax_engine.learning.tables.subroles import SUBROLES

ROLES = (
    "categorical",
    "join_key",
    "numerical",
    "target",
    "text",
    "time_stamp",
    "unused",
    "unused_float",
    "unused_string",
)
MANY_TO_MANY, MANY_TO_ONE = "many_to_many", "many_to_one"
_RELATIONSHIPS = {
    "many_to_many": MANY_TO_MANY,
    "one_to_many": MANY_TO_MANY,
    "propositionalization": MANY_TO_MANY,
    "many_to_one": MANY_TO_ONE,
    "one_to_one": MANY_TO_ONE,
}
_LOSSES = {"SquareLoss": "regression", "CrossEntropyLoss": "classification"}


@dataclass(frozen=True)
class Join:
    """The left node sees rows of the right one with the same keys, from the past only.

    A row of the right is seen where ``right.time + horizon <= left.time < right.time + horizon + memory`` (seconds),
    and ``left.time < right.upper_time_stamp`` where that is given and known.
    """

    right: "Node"
    on: tuple[tuple[str, str], ...]
    time_stamps: tuple[str, str] | None = None
    horizon: float = 0.0
    memory: float | None = None
    upper_time_stamp: str | None = None
    lagged_targets: bool = False
    relationship: str = MANY_TO_MANY


@dataclass(frozen=True)
class Node:
    """A table of the data model; ``name`` is unique in it, ``table`` the key under which the data come."""

    name: str
    table: str
    joins: tuple[Join, ...] = ()

    def walk(self) -> Iterator["Node"]:
        """This node and all below it."""
        yield self
        for join in self.joins:
            yield from join.right.walk()


@dataclass(frozen=True)
class Part:
    """A preprocessor, learner, selector or predictor: its kind and its parameters."""

    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """All of a pipeline that does not depend on data. ``spec`` is what it was read from.

    ``roles`` are columns by role and table, ``subroles`` and ``units`` those of each column by table.
    """

    population: Node
    roles: Mapping[str, Mapping[str, tuple[str, ...]]]
    task: str
    preprocessors: tuple[Part, ...]
    learners: tuple[Part, ...]
    selectors: tuple[Part, ...]
    predictors: tuple[Part, ...]
    share_selected: float
    include_categorical: bool
    spec: Mapping[str, Any]
    subroles: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    units: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the population's target columns."""
        return tuple(self.roles.get(self.population.table, {}).get("target", ()))


def read(spec: Mapping[str, Any], *, is_saved: bool = False) -> Plan:
    """The plan that a JSON-able description means. Raises ``BadPlan`` naming what is wrong.

    ``is_saved``: a fit accepted it, perhaps one of an earlier release, which let subroles pass that do nothing.
    """
    population = _node(_need(spec, "data_model", "the description"))
    names = [n.name for n in population.walk()]
    if twice := {n for n in names if names.count(n) > 1}:
        raise BadPlan(f"two placeholders are called {min(twice)!r}: give one of them another name")
    predictors = _parts(spec, "predictors")
    share = spec.get("share_selected_features", 0.5)
    if not isinstance(share, (int, float)):
        raise BadPlan(f"share_selected_features is {share!r}: it must lie between 0 and 1")
    if not 0.0 <= share <= 1.0:
        raise BadPlan(f"share_selected_features is {share}: it must lie between 0 and 1")
    return Plan(
        population=population,
        roles=_roles(spec.get("roles", {})),
        task=_task(spec.get("loss_function"), predictors),
        preprocessors=_parts(spec, "preprocessors"),
        learners=_parts(spec, "feature_learners"),
        selectors=_parts(spec, "feature_selectors"),
        predictors=predictors,
        share_selected=float(share),
        include_categorical=bool(spec.get("include_categorical", False)),
        spec=spec,
        subroles={t: _subroles(t, marks, may_do_nothing=is_saved) for t, marks in spec.get("subroles", {}).items()},
        units={t: _units(t, units) for t, units in spec.get("units", {}).items()},
    )


def _need(spec: Mapping[str, Any], key: str, where: str) -> Any:
    if spec.get(key) is None:
        raise BadPlan(f"{where} lacks {key!r}")
    return spec[key]


def _node(spec: Mapping[str, Any]) -> Node:
    name = str(_need(spec, "name", "a placeholder"))
    joins = tuple(_join(name, j) for j in spec.get("joins", ()))
    return Node(name, str(spec.get("table") or name), joins)


def _join(left: str, spec: Mapping[str, Any]) -> Join:
    right = _node(_need(spec, "right", f"a join of {left!r}"))
    where = f"the join of {left!r} and {right.name!r}"
    relationship = str(spec.get("relationship") or MANY_TO_MANY)
    if relationship not in _RELATIONSHIPS:
        raise BadPlan(f"{where}: relationship {relationship!r} is unknown; one of {', '.join(sorted(_RELATIONSHIPS))}")
    join = Join(
        right=right,
        on=tuple((str(a), str(b)) for a, b in spec.get("on") or ()),
        time_stamps=_pair(spec.get("time_stamps")),
        horizon=_seconds(spec.get("horizon") or 0.0, "horizon", where),
        memory=None if not spec.get("memory") else _seconds(spec["memory"], "memory", where),
        upper_time_stamp=spec.get("upper_time_stamp"),
        lagged_targets=bool(spec.get("lagged_targets", False)),
        relationship=_RELATIONSHIPS[relationship],
    )
    _leak_safe(join, where)
    return join


def _leak_safe(join: Join, where: str) -> None:
    timed = join.horizon or join.memory is not None or join.upper_time_stamp or join.lagged_targets
    if timed and join.time_stamps is None:
        raise BadPlan(f"{where}: horizon, memory, upper_time_stamp and lagged_targets need time_stamps")
    if join.lagged_targets and join.horizon <= 0:
        raise BadPlan(f"{where}: lagged_targets need a horizon above 0, or a row would see its own target")


def _pair(names: Any) -> tuple[str, str] | None:
    if names is None:
        return None
    return (names, names) if isinstance(names, str) else (str(names[0]), str(names[1]))


def _seconds(duration: Any, what: str, where: str) -> float:
    if not isinstance(duration, (int, float)):
        raise BadPlan(f"{where}: {what} is {duration!r}: a number of seconds, 0 or more")
    value = float(duration)
    if not 0.0 <= value < float("inf"):
        raise BadPlan(f"{where}: {what} is {value}: a number of seconds, 0 or more")
    return value


def _parts(spec: Mapping[str, Any], key: str) -> tuple[Part, ...]:
    parts = []
    for entry in spec.get(key) or ():
        kind = str(_need(entry, "kind", f"an entry of {key!r}"))
        inner = entry.get("parameters")
        rest = {k: v for k, v in entry.items() if k not in {"kind", "parameters"}}
        parts.append(Part(kind, {**rest, **(inner or {})}))
    return tuple(parts)


def _roles(by_table: Mapping[str, Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    for table, roles in by_table.items():
        if unknown := sorted(set(roles) - set(ROLES)):
            raise BadPlan(f"table {table!r}: role {unknown[0]!r} is unknown; one of {', '.join(ROLES)}")
    return {t: {r: tuple(names) for r, names in roles.items()} for t, roles in by_table.items()}


def _subroles(table: str, marks: Mapping[str, Any], *, may_do_nothing: bool) -> dict[str, tuple[str, ...]]:
    for column, subroles in marks.items():
        for subrole in subroles:
            if subrole not in SUBROLES and not may_do_nothing:
                where = f"column {column!r} of table {table!r}"
                raise BadPlan(f"{where}: subrole {subrole!r} does nothing; one of {', '.join(SUBROLES)}")
    return {column: tuple(subroles) for column, subroles in marks.items()}


def _units(table: str, units: Mapping[str, Any]) -> dict[str, str]:
    for column, unit in units.items():
        if not isinstance(unit, str):
            raise BadPlan(f"column {column!r} of table {table!r}: unit {unit!r} is no text")
    return dict(units)


def _task(loss: Any, predictors: tuple[Part, ...]) -> str:
    kind = loss.get("kind") if isinstance(loss, Mapping) else loss
    if kind is not None:
        if kind not in _LOSSES:
            raise BadPlan(f"loss function {kind!r} is unknown; one of {', '.join(_LOSSES)}")
        return _LOSSES[kind]
    return "classification" if any(map(_classifies, predictors)) else "regression"


def _classifies(part: Part) -> bool:
    if part.kind != "SklearnEstimator":
        return part.kind.endswith(("Classifier", "LogisticRegression"))
    from storax_engine.learning.predictors import sk  # not above: it imports scikit-learn, which takes a second

    return sk.classifies(part.parameters)

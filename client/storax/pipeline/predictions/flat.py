"""The flat table of a pipeline: its features, beside what the population has to learn and to join by."""

from collections.abc import Mapping, Sequence
from typing import Any

from storax.data.source import View
from storax.errors import Conflict, InvalidInput

CARRIED = ("target", "join_key", "time_stamp")
Roles = dict[str, list[str]]


def with_targets(
    features: Any, subset: Mapping[str, Any], params: Mapping[str, Any], keep: Sequence[str]
) -> tuple[Any, Roles]:
    """Return a table of the features and of the population's targets, keys and time stamps, with its roles.

    Args:
        features: A pyarrow Table, with a row for each of the population's.
        subset: The population, as a pipeline is asked about it.
        params: What the pipeline was fitted with; its roles hold in place of those of the data frame.
        keep: The columns of the population among the features.

    Raises:
        Conflict: The population has other rows by now.
    """
    view = _population(subset)
    known, here = population_roles(params) or view.roles, view.colnames
    learned = [name for name in features.column_names if name not in keep]
    roles = _carried(known, here, learned)
    missing = [name for names in roles.values() for name in names if name not in keep]
    rows = view[missing].to_arrow() if missing else features.select([])
    if missing:
        _require_same_rows(rows, features)
    for name in missing:
        features = features.append_column(name, rows.column(name))
    return features, {"numerical": learned, **roles}


def carried_of(params: Mapping[str, Any], columns: Sequence[str], keep: Sequence[str]) -> list[str]:
    """Return the columns of rows that are kept, those that are asked for and the targets, keys and time stamps."""
    roles = _carried(population_roles(params) or {}, columns, ())
    return list(dict.fromkeys([*keep, *(name for names in roles.values() for name in names)]))


def roles_of(params: Mapping[str, Any], kept: Sequence[str], columns: Sequence[str]) -> Roles:
    """Return the roles of features and of the columns that are kept beside them."""
    learned = [name for name in columns if name not in kept]
    return {"numerical": learned, **_carried(population_roles(params) or {}, kept, learned)}


def population_roles(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the roles of the population's columns in a fit, by role; None if it does not say."""
    roles: Mapping[str, Any] | None = (params.get("roles") or {}).get(params["data_model"]["table"])
    return roles


def with_kept(features: Any, subset: Mapping[str, Any], keep: Sequence[str]) -> Any:
    """Return features of a site with columns of the population before them, as the engine itself gives them.

    Raises:
        NoColumn: the population has no such column.
        InvalidInput: the result has a column of the name already.
        Conflict: the population has other rows by now.
    """
    if not keep:
        return features
    twice = next((name for name in keep if name in features.column_names or list(keep).count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"keep= names {twice!r}, which the result has already.", hint="Leave it out of keep=.")
    view = _population(subset)
    rows = view[list(keep)].to_arrow()
    _require_same_rows(rows, features)
    for name in features.column_names:
        rows = rows.append_column(name, features.column(name))
    return rows


def _require_same_rows(rows: Any, features: Any) -> None:
    if rows.num_rows != features.num_rows:
        raise Conflict(
            f"The population has {rows.num_rows} rows by now, and the features have {features.num_rows}.",
            hint="Another script changed it meanwhile: call again.",
        )


def _carried(known: Mapping[str, Any], here: Sequence[str], learned: Sequence[str]) -> Roles:
    roles = {role: [n for n in known.get(role, ()) if n in here and n not in learned] for role in CARRIED}
    return {role: names for role, names in roles.items() if names}


def _population(subset: Mapping[str, Any]) -> View:
    population = subset["population"]
    where = [{"step": "where", "condition": subset["condition"]}] if subset.get("condition") is not None else []
    return View(population["frame"], [*population.get("steps", ()), *where])

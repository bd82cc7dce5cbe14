"""The flat table of a pipeline: its features, beside what the population has to learn and to join by."""

from collections.abc import Mapping
from typing import Any

from storax.data.source import View

_CARRIED = ("target", "join_key", "time_stamp")


def with_targets(
    features: Any, subset: Mapping[str, Any], params: Mapping[str, Any]
) -> tuple[Any, dict[str, list[str]]]:
    """Return a table of the features and of the population's targets, keys and time stamps, with its roles.

    Args:
        features: A pyarrow Table, with a row for each of the population's.
        subset: The population, as a pipeline is asked about it.
        params: What the pipeline was fitted with; its roles hold in place of those of the data frame.
    """
    population, learned = subset["population"], list(features.column_names)
    where = [{"step": "where", "condition": subset["condition"]}] if subset.get("condition") is not None else []
    view = View(population["frame"], [*population.get("steps", ()), *where])
    known, here = (params.get("roles") or {}).get(params["data_model"]["table"], view.roles), view.colnames
    roles = {role: [n for n in known.get(role, ()) if n in here and n not in learned] for role in _CARRIED}
    carried = [name for names in roles.values() for name in names]
    rows = view[carried].to_arrow() if carried else features.select([])
    for name in carried:
        features = features.append_column(name, rows.column(name))
    return features, {"numerical": learned, **{role: names for role, names in roles.items() if names}}

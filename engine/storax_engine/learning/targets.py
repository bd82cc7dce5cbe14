"""The target columns: numbers without gaps; 0 and 1 where classes are learned."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from storax_engine.learning.errors import BadData
from storax_engine.learning.plan import Plan
from storax_engine.learning.tables import columns

Matrix = npt.NDArray[np.float64]


def population(plan: Plan, tables: Mapping[str, pa.Table], *, to_fit: bool) -> pa.Table:
    """The population's table. Raises ``BadData`` where it is not there, or empty and to be learned from."""
    name = plan.population.table
    if name not in tables:
        raise BadData(f"no table for the population {name!r} was given; given: {', '.join(sorted(tables)) or 'none'}")
    if to_fit and tables[name].num_rows == 0:
        raise BadData(f"table {name!r} has no rows: there is nothing to learn from")
    return tables[name]


def read(plan: Plan, table: pa.Table, *, to_fit: bool) -> Matrix:
    """Return one column per target. Raises ``BadData`` naming a target that is missing, not finite, or of one class."""
    if not plan.targets:
        raise BadData(f"table {plan.population.table!r} has no column with the role target")
    return np.column_stack([_one(plan, table, name, to_fit) for name in plan.targets])


def _one(plan: Plan, table: pa.Table, name: str, to_fit: bool) -> Matrix:
    where = f"target {name!r} of table {plan.population.table!r}"
    if name not in table.column_names:
        raise BadData(
            f"table {plan.population.table!r} lacks its target {name!r}; it has {', '.join(table.column_names)}"
        )
    values = columns.numbers(table.column(name), where)
    if bad := int((~np.isfinite(values)).sum()):
        raise BadData(f"{where} is null, NaN or infinite in {bad} of {values.size} rows: leave those rows out")
    if plan.task == "classification":
        _classes(values, where, to_fit)
    return values


def _classes(values: Matrix, where: str, to_fit: bool) -> None:
    classes = np.unique(values)
    if np.setdiff1d(classes, [0.0, 1.0]).size:
        seen = ", ".join(f"{c:g}" for c in classes[:5])
        raise BadData(f"{where} holds {seen}: a class is 0 or 1; make one 0/1 target of each class")
    if to_fit and classes.size < 2:
        raise BadData(f"{where} has one class only ({classes[0]:g}): there is nothing to tell apart")

"""SQL text of features, one statement each, in the dialect asked for."""

import re
from collections.abc import Sequence
from typing import Any

import ibis

from storax_engine.learning.errors import BadPlan
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.plan import MANY_TO_MANY
from storax_engine.learning.sql.aggregates import aggregated
from storax_engine.learning.sql.tables import Tables

# What people call an engine, and what Ibis does. PySpark's own compiler needs a session; Databricks writes Spark SQL.
DIALECTS = {
    "bigquery": "bigquery",
    "clickhouse": "clickhouse",
    "databricks": "databricks",
    "duckdb": "duckdb",
    "mssql": "mssql",
    "mysql": "mysql",
    "oracle": "oracle",
    "postgres": "postgres",
    "postgresql": "postgres",
    "pyspark": "databricks",
    "snowflake": "snowflake",
    "spark": "databricks",
    "sqlite": "sqlite",
    "trino": "trino",
}


def expression(tables: Tables, feature: Feature) -> ibis.Table:
    """The feature for each different (keys, time stamp) of the population that sees anything.

    To be joined to the population by these, and for a comparison by the population's column too; where nothing is
    found a count is 0 and all else is null.
    """
    if feature.aggregation is None:
        return tables.population({feature.column}).select(feature.column)
    join = next(
        j for j in tables.plan.population.joins if j.right.name == feature.node and j.relationship == MANY_TO_MANY
    )
    left = [name for name, _ in join.on] + ([join.time_stamps[0]] if join.time_stamps else [])
    left += [feature.compared[1]] if feature.compared else []
    computed = aggregated(tables.matched(join, tables.population({*left, None}), feature), feature)
    # Names that no column of the data can have stood for the keys until here; one key may stand for several.
    keys = {name: computed[group] for name, group in zip(left, computed.columns, strict=False)}
    return computed.select(**keys, **{feature.name: computed[feature.name]})


def statements(tables: Tables, features: Sequence[Feature], dialect: str) -> dict[str, str]:
    """One statement per feature, by its name. Raises ``BadPlan`` where the dialect is unknown or lacks one."""
    return {f.name: statement(expression(tables, f), dialect, f.name) for f in features}


def statement(table: ibis.Table, dialect: str, name: str) -> str:
    """An expression as text."""
    of = engine(dialect)
    try:
        text = str(ibis.to_sql(table, dialect=of))
    except Exception as error:  # each of Ibis's compilers fails in its own way
        raise BadPlan(f"feature {name!r} cannot be written for {dialect}: {_first(error)}") from error
    if made_up := re.search(r"\b_IBIS_\w+(?=\()", text):  # a function of Ibis's own connections, no word of SQL
        raise BadPlan(f"feature {name!r} cannot be written for {dialect}: it has no {made_up[0][6:].lower()}")
    return text


def engine(dialect: str) -> str:
    """Ibis's name of a dialect. Raises ``BadPlan`` for one that is not known."""
    plain = dialect.lower().replace(" ", "_").replace("_sql", "")
    if plain not in DIALECTS:
        raise BadPlan(f"SQL dialect {dialect!r} is unknown; one of {', '.join(DIALECTS)}")
    return DIALECTS[plain]


def _first(error: Any) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__

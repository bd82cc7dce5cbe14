"""SQL queries of the aggregations over matched rows; what each computes is declared in ``learning/aggregations/``."""

from functools import reduce
from operator import and_
from typing import Any

import ibis

from storax_engine.learning.aggregations.catalogue import named
from storax_engine.learning.aggregations.declaration import DIFFERENCE, RATIO
from storax_engine.learning.features.comparisons import ABOVE
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.features.filters import ABOVE as LIMIT
from storax_engine.learning.features.filters import IN, Filter
from storax_engine.learning.sql.matched import MOMENT, OWN, Matched
from storax_engine.learning.tables.frame import TIME_STAMP


def aggregated(matched: Matched, feature: Feature) -> ibis.Table:
    """Return the groups and the feature, one row for each reference point with matched rows."""
    aggregation, known = named(feature.aggregation or ""), matched.known(feature.name)
    sql = aggregation.portable if matched.portable and aggregation.portable else aggregation.sql
    result = sql(known)
    return result if isinstance(result, ibis.Table) else known.aggregate(result)


def value_of(rows: ibis.Table, column: str, kind: str) -> Any:
    """Return the value of a column to aggregate: for a time stamp the time since it, null if it is in the future."""
    if kind == TIME_STAMP:
        return ibis.ifelse(rows[column] <= rows[MOMENT], rows[MOMENT] - rows[column], ibis.null("float64"))
    return rows[column]


def compared(rows: ibis.Table, column: str, kind: str, how: str) -> Any:
    """Return a comparison of a column with the point's own value; null where one is not known, or a ratio to 0."""
    mine, theirs, null = rows[OWN], rows[column], ibis.null("float64")
    if kind == TIME_STAMP:
        theirs = ibis.ifelse(theirs <= rows[MOMENT], theirs, null)
    if how == DIFFERENCE:
        return mine - theirs
    if how == RATIO:
        return theirs / mine.nullif(0.0)
    flag = ibis.ifelse(theirs > mine if how == ABOVE else theirs == mine, 1.0, 0.0)
    return ibis.ifelse(theirs.notnull(), flag, null)


def meets(column: Any, one: Filter) -> Any:
    """Return whether the value of a row meets a condition; null if it is null."""
    if one.how == IN:
        return column.isin(list(one.categories))
    return column > one.limit if one.how == LIMIT else column <= one.limit


def all_of(conditions: list[Any]) -> Any:
    """Return the conjunction of the conditions."""
    return reduce(and_, conditions)

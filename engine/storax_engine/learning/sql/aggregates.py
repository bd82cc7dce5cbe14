"""SQL queries of the aggregations over matched rows: one row per pair of a reference point and a row that it sees.

The catalogue of aggregations, with those that are one SQL expression, is ``learning/features/aggregations.py``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from math import log
from operator import and_
from typing import Any

import ibis

from storax_engine.learning.features.aggregations import FADING, QUANTILES, SQL, named
from storax_engine.learning.features.feature import Feature
from storax_engine.learning.tables.frame import TIME_STAMP

TIME, MOMENT, VALUE, NEWEST = "time_", "moment_", "value_", "newest_"


@dataclass(frozen=True)
class Matched:
    """Rows matched to reference points.

    Columns: ``groups`` (the point), ``time_`` of the row, ``value_`` if the aggregation needs one. ``moment_`` is the
    point's time, one of the groups if the join has time stamps. ``portable``: use only SQL that every dialect has.
    """

    rows: ibis.Table
    groups: tuple[str, ...]
    horizon: float
    portable: bool = False


def aggregated(matched: Matched, feature: Feature) -> ibis.Table:
    """Return the groups and the feature, one row for each reference point with matched rows."""
    name, rows = feature.aggregation or "", matched.rows
    if VALUE in rows.columns:
        rows = rows.filter(rows[VALUE].notnull())
    result = _multi_step(rows, matched, name, feature.name)
    if result is not None:
        return result
    return rows.group_by(list(matched.groups)).aggregate(**{feature.name: _simple(rows, matched, name).cast("float64")})


def value_of(rows: ibis.Table, column: str, kind: str) -> Any:
    """Return the value of a column to aggregate: for a time stamp the time since it, null if it is in the future."""
    if kind == TIME_STAMP:
        return ibis.ifelse(rows[column] <= rows[MOMENT], rows[MOMENT] - rows[column], ibis.null("float64"))
    return rows[column]


def _simple(rows: ibis.Table, matched: Matched, name: str) -> Any:
    if name == "COUNT":
        return rows.count()
    if name == "AVG_TIME_BETWEEN":
        return (rows[TIME].max() - rows[TIME].min()) / (rows.count() - 1).nullif(0)
    if name == "TREND":
        return _trend(rows, matched.horizon)
    return SQL[name](rows[VALUE])


def _trend(rows: ibis.Table, horizon: float) -> Any:
    """Evaluate the least-squares line through (time, value) at the end of the horizon; the average if undefined."""
    age, value = rows[MOMENT] - horizon - rows[TIME], rows[VALUE]
    slope = value.cov(age, how="pop") / age.var(how="pop").nullif(0)
    return ibis.coalesce(value.mean() - slope * age.mean(), value.mean())


def _trend_without_covariance(rows: ibis.Table, matched: Matched, _name: str, out: str) -> ibis.Table:
    """The trend, for dialects without covariance."""
    over = ibis.window(group_by=list(matched.groups))
    aged = rows.mutate(age_=rows[MOMENT] - matched.horizon - rows[TIME])
    wide = aged.mutate(mean_=aged[VALUE].mean().over(over), middle_=aged.age_.mean().over(over))
    off = wide.age_ - wide.middle_
    slope = (off * (wide[VALUE] - wide.mean_)).sum() / (off * off).sum().nullif(0.0)
    trend = ibis.coalesce(wide.mean_.min() - slope * wide.middle_.min(), wide.mean_.min())
    return wide.group_by(list(matched.groups)).aggregate(**{out: trend})


def _multi_step(rows: ibis.Table, matched: Matched, name: str, out: str) -> ibis.Table | None:
    """Build an aggregation that needs a window or more than one GROUP BY; None for the others."""
    if named(name).family == FADING:
        return _fading(rows, matched, name, out)
    builders = {**_MULTI_STEP, **_WITHOUT_STATISTICS} if matched.portable else _MULTI_STEP
    return builders[name](rows, matched, name, out) if name in builders else None


def _first_or_last(rows: ibis.Table, matched: Matched, name: str, out: str) -> ibis.Table:
    order = [rows[TIME], rows[VALUE]] if name == "FIRST" else [rows[TIME].desc(), rows[VALUE].desc()]
    return _best(rows, matched, order, out)


def _mode(rows: ibis.Table, matched: Matched, _name: str, out: str) -> ibis.Table:
    counted = rows.group_by([*matched.groups, VALUE]).aggregate(n_=rows.count())
    return _best(counted, matched, [counted.n_.desc(), counted[VALUE]], out)


def _relative_to_mean_or_extreme(rows: ibis.Table, matched: Matched, name: str, out: str) -> ibis.Table:
    over = ibis.window(group_by=list(matched.groups))
    wide = rows.mutate(mean_=rows[VALUE].mean().over(over), best_=_min_or_max(rows, name).over(over))
    return wide.group_by(list(matched.groups)).aggregate(**{out: _RELATIVE[name](wide).cast("float64")})


def _fading(rows: ibis.Table, matched: Matched, name: str, out: str) -> ibis.Table:
    wide = rows.mutate(**{NEWEST: rows[TIME].max().over(ibis.window(group_by=list(matched.groups)))})
    weight = ((wide[TIME] - wide[NEWEST]) * (log(2.0) / named(name).half_life)).exp()
    return wide.group_by(list(matched.groups)).aggregate(**{out: (weight * wide[VALUE]).sum() / weight.sum()})


def _best(rows: ibis.Table, matched: Matched, order: list[Any], out: str) -> ibis.Table:
    over = ibis.window(group_by=list(matched.groups), order_by=order)
    ranked = rows.mutate(rank_=ibis.row_number().over(over))
    return ranked.filter(ranked.rank_ == 0).select(*matched.groups, **{out: ranked[VALUE]})


def _quantile(rows: ibis.Table, matched: Matched, name: str, out: str) -> ibis.Table:
    """Quantiles by rank, for dialects without them."""
    groups, q = list(matched.groups), QUANTILES[name]
    over, ordered = ibis.window(group_by=groups), ibis.window(group_by=groups, order_by=rows[VALUE])
    ranked = rows.mutate(rank_=ibis.row_number().over(ordered), n_=rows[VALUE].count().over(over))
    place = (ranked.n_ - 1).cast("float64") * q
    weight = 1.0 - (ranked.rank_.cast("float64") - place).abs()
    near = ranked.mutate(weight_=ibis.ifelse(weight > 0, weight, 0.0))
    return near.group_by(groups).aggregate(**{out: (near.weight_ * near[VALUE]).sum() / near.weight_.sum()})


def _distinct(rows: ibis.Table, matched: Matched, name: str, out: str) -> ibis.Table:
    """Exact counts of distinct values, for dialects that only approximate them."""
    each = rows.group_by([*matched.groups, VALUE]).aggregate(n_=rows.count())
    unique, all_ = each.count().cast("float64"), each.n_.sum().cast("float64")
    value = {"COUNT_DISTINCT": unique, "COUNT_MINUS_COUNT_DISTINCT": all_ - unique}.get(name, unique / all_.nullif(0.0))
    return each.group_by(list(matched.groups)).aggregate(**{out: value})


def _deviation(rows: ibis.Table, matched: Matched, name: str, out: str) -> ibis.Table:
    """Variance and deviation by squared differences from the mean, for dialects without variance."""
    over = ibis.window(group_by=list(matched.groups))
    wide = rows.mutate(off_=rows[VALUE] - rows[VALUE].mean().over(over))
    variance = (wide.off_ * wide.off_).mean()
    mean = wide[VALUE].mean().nullif(0.0)
    value = {"VAR": variance, "STDDEV": variance.sqrt()}.get(name, variance.sqrt() / mean)
    return wide.group_by(list(matched.groups)).aggregate(**{out: value})


def _min_or_max(rows: ibis.Table, name: str) -> Any:
    return rows[VALUE].min() if name.endswith(("MIN", "MINIMUM")) else rows[VALUE].max()


def _standardised_moment(wide: ibis.Table, power: int) -> Any:
    off = wide[VALUE] - wide.mean_
    square = (off * off).mean().nullif(0.0)
    raised = reduce(lambda a, b: a * b, [off] * power)
    return raised.mean() / square ** (power / 2)


def _since(name: str, wide: ibis.Table) -> Any:
    age = ibis.ifelse(wide[VALUE] == wide.best_, wide[MOMENT] - wide[TIME], ibis.null("float64"))
    return age.max() if "FIRST" in name else age.min()


_RELATIVE: Mapping[str, Callable[[ibis.Table], Any]] = {
    "SKEW": lambda w: _standardised_moment(w, 3),
    "KURTOSIS": lambda w: _standardised_moment(w, 4),
    "COUNT_ABOVE_MEAN": lambda w: (w[VALUE] > w.mean_).sum(),
    "COUNT_BELOW_MEAN": lambda w: (w[VALUE] < w.mean_).sum(),
    "NUM_MAX": lambda w: (w[VALUE] == w.best_).sum(),
    "NUM_MIN": lambda w: (w[VALUE] == w.best_).sum(),
    **{
        n: partial(_since, n)
        for n in (
            "TIME_SINCE_FIRST_MAXIMUM",
            "TIME_SINCE_LAST_MAXIMUM",
            "TIME_SINCE_FIRST_MINIMUM",
            "TIME_SINCE_LAST_MINIMUM",
        )
    },
}

Builder = Callable[[ibis.Table, Matched, str, str], ibis.Table]
_MULTI_STEP: Mapping[str, Builder] = {
    "FIRST": _first_or_last,
    "LAST": _first_or_last,
    "MODE": _mode,
    **dict.fromkeys(_RELATIVE, _relative_to_mean_or_extreme),
}
_WITHOUT_STATISTICS: Mapping[str, Builder] = {
    "TREND": _trend_without_covariance,
    **dict.fromkeys(QUANTILES, _quantile),
    **dict.fromkeys(("COUNT_DISTINCT", "COUNT_MINUS_COUNT_DISTINCT", "COUNT_DISTINCT_OVER_COUNT"), _distinct),
    **dict.fromkeys(("STDDEV", "VAR", "VARIATION_COEFFICIENT"), _deviation),
}


def all_of(conditions: list[Any]) -> Any:
    """Return the conjunction of the conditions."""
    return reduce(and_, conditions)

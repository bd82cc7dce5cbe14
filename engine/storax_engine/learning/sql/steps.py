"""Preprocessors as expressions over a table whose columns are already numbers, seconds and text."""

from collections.abc import Callable, Container, Mapping
from typing import Any

import ibis

from storax_engine.learning.plan import Part
from storax_engine.learning.preprocessors.base import State
from storax_engine.learning.preprocessors.categories import TRIMMED
from storax_engine.learning.preprocessors.texts import BETWEEN_WORDS

Step = Callable[[ibis.Table, State, Mapping[str, Any]], dict[str, Any]]


def apply(table: ibis.Table, part: Part, state: State, wanted: Container[str | None]) -> ibis.Table:
    """The table with the columns that the preprocessor replaces, and of those that it adds the ones that are wanted.

    So a feature is refused for what it needs itself, and not for its neighbours.
    """
    columns = _STEPS[part.kind](table, state, part.parameters)
    return _with(table, {name: value for name, value in columns.items() if name in table.columns or name in wanted})


def part_of(seconds: Any, part: str) -> Any:
    """One part of moments in seconds since 1970."""
    days = (seconds / 86400.0).floor()
    if part == "weekday":
        return ((days + 3) % 7).cast("float64")
    if part == "hour":
        return ((seconds - days * 86400.0) / 3600.0).floor().cast("float64")
    if part == "minute":
        hours = (seconds / 3600.0).floor()
        return ((seconds - hours * 3600.0) / 60.0).floor().cast("float64")
    # Added to a moment without a zone: what turns a number into one heeds the session's zone, or is not there.
    return (ibis.timestamp("1970-01-01 00:00:00") + seconds.cast("int64").as_interval("s")).month().cast("float64")


def _seasonal(table: ibis.Table, state: State, _parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{c}__{p}": part_of(table[c], p) for c, parts in state.items() for p in parts}


def _domain(table: ibis.Table, state: State, _parameters: Mapping[str, Any]) -> dict[str, Any]:
    pattern = r"@([^@\s]+)$"
    return {f"{c}__domain": table[c].lower().re_extract(pattern, 1).nullif("") for c in state["columns"]}


def _substring(table: ibis.Table, state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    begin, length = int(parameters["begin"]), int(parameters["length"])
    return {f"{c}__{begin}_{begin + length}": table[c].substr(begin, length).nullif("") for c in state["columns"]}


def _has_words(table: ibis.Table, state: State, _parameters: Mapping[str, Any]) -> dict[str, Any]:
    columns = {}
    for column, vocabulary in state.items():
        text = ibis.literal(" ") + table[column].lower().re_replace(BETWEEN_WORDS, " ") + " "
        for word in vocabulary:
            columns[f"{column}__has_{word}"] = ibis.ifelse(text.contains(f" {word} "), 1, 0).cast("float64")
    return columns


def _trimmed(table: ibis.Table, state: State, _parameters: Mapping[str, Any]) -> dict[str, Any]:
    columns = {}
    for column, kept in state.items():
        known = table[column].isin(kept) if kept else ibis.literal(False)
        columns[column] = ibis.ifelse(known | table[column].isnull(), table[column], TRIMMED)
    return columns


def _imputed(table: ibis.Table, state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    columns = {c: table[c].fill_null(mean) for c, mean in state.items()}
    if parameters.get("add_dummies"):
        columns |= {f"{c}__missing": ibis.ifelse(table[c].isnull(), 1, 0).cast("float64") for c in state}
    return columns


def means(table: ibis.Table, state: State) -> ibis.Table:
    """The target means of ``Mapping``; a category never seen has the mean of all rows."""
    columns = {}
    for name, entry in state.items():
        pairs = list(zip(entry["values"], entry["means"], strict=True))
        whole = ibis.literal(entry["all"])
        columns[name] = table[entry["column"]].cases(*pairs, else_=whole) if pairs else whole
    return _with(table, columns)


def _with(table: ibis.Table, columns: dict[str, Any]) -> ibis.Table:
    return table.mutate(**columns) if columns else table


_STEPS: Mapping[str, Step] = {
    "CategoryTrimmer": _trimmed,
    "EmailDomain": _domain,
    "Imputation": _imputed,
    "Seasonal": _seasonal,
    "Substring": _substring,
    "TextFieldSplitter": _has_words,
}

"""Fits preprocessors on all rows, before the tables are split into buckets: one column in memory at a time.

A preprocessor looks at each column by itself, so its state for a table is combined from the states of the columns.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from storax_engine.learning.buckets import bucket_features
from storax_engine.learning.buckets.placeholder_tables import looked_up
from storax_engine.learning.buckets.sources import Source
from storax_engine.learning.buckets.splitting import Split
from storax_engine.learning.features import fastprop
from storax_engine.learning.plan import MANY_TO_ONE, Node, Plan
from storax_engine.learning.preparation import Preparation
from storax_engine.learning.preprocessors.texts import EmailDomain, Substring
from storax_engine.learning.tables import frame as frames
from storax_engine.learning.tables.frame import CATEGORICAL, NUMERICAL, TEXT, TIME_STAMP, Column, Frame
from storax_engine.learning.tables.workspace import with_join_columns

Counts = dict[str, dict[str, int]]
Tick = Callable[[], None]
PREPARED = (NUMERICAL, CATEGORICAL, TIME_STAMP, TEXT)


def learn(plan: Plan, sources: Mapping[str, Source], preparation: Preparation, tick: Tick) -> None:
    """Fit the preprocessors that need no targets, as ``Preparation.fit`` does with whole tables."""
    for node in plan.population.walk():
        parts = [_of_one(frame, preparation) for frame in _columns(plan, node, sources[node.name], tick)]
        _together(_empty(plan, node, sources[node.name]), parts, preparation, node.name)


def _of_one(frame: Frame, preparation: Preparation) -> list[dict[str, Any]]:
    states = []
    for i, step in enumerate(preparation.steps):
        states.append(step.fit(frame))
        if i + 1 < len(preparation.steps):
            step.apply(frame, states[-1])
    return states


def _together(frame: Frame, parts: Sequence[Sequence[dict[str, Any]]], preparation: Preparation, name: str) -> None:
    """One state for each step, in the order of the columns that the step would have found."""
    states = preparation.states[name] = []
    for i, step in enumerate(preparation.steps):
        step_states = [states_of_column[i] for states_of_column in parts]
        place = {column: at for at, column in enumerate(frame.columns)}
        if isinstance(step, (EmailDomain, Substring)):
            chosen = [c for state in step_states for c in state["columns"]]
            states.append({"columns": sorted(chosen, key=place.__getitem__)})
        else:
            merged = {c: value for state in step_states for c, value in state.items()}
            states.append({c: merged[c] for c in sorted(merged, key=place.__getitem__)})
        step.apply(frame, states[-1])


def counts(
    plan: Plan,
    sources: Mapping[str, Source],
    preparation: Preparation,
    node: Node,
    n: int,
    replicate_mb: float,
    tick: Tick,
) -> Counts:
    """How often each value of each category of a placeholder is there, those it is joined many-to-one with included."""
    counted: Counts = {}
    if any(join.relationship == MANY_TO_ONE for join in node.joins):
        return _of_joined(looked_up(plan, node), sources, preparation, n, replicate_mb, tick)
    for frame in _columns(plan, node, sources[node.name], tick):
        states = preparation.states[node.name]
        for step, state in zip(preparation.steps, states, strict=True):
            step.apply(frame, _about(state, set(frame.columns)))
        _count(frame, counted)
    return counted


def _of_joined(
    plan: Plan, sources: Mapping[str, Source], preparation: Preparation, n: int, replicate_mb: float, tick: Tick
) -> Counts:
    counted: Counts = {}
    with TemporaryDirectory(prefix="storax-counts-") as folder:
        Split(plan, sources, Path(folder), n, replicate_mb, tick).run()
        for i in range(n):
            _count(bucket_features.read(plan, Path(folder), i, preparation, tick).population(), counted)
    return counted


def _count(frame: Frame, into: Counts) -> None:
    for column in frame.of_kind(CATEGORICAL):
        codes, values = frame.coded(column.name)
        seen = np.bincount(codes[codes >= 0], minlength=len(values))
        counter = Counter(into.get(column.name, {}))
        counter.update(dict(zip(values.to_pylist(), seen.tolist(), strict=True)))
        into[column.name] = dict(counter)


def frequent(counted: Mapping[str, Counts]) -> fastprop.Frequent:
    """The most frequent values out of counts by placeholder and column."""
    return lambda frame, category, n: fastprop.often(counted[frame.name].get(category, {}), n)


def _about(state: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """What a state says about these columns."""
    if set(state) == {"columns"} and isinstance(state["columns"], list) and "columns" not in names:
        return {"columns": [c for c in state["columns"] if c in names]}
    return {c: value for c, value in state.items() if c in names}


def _columns(plan: Plan, node: Node, source: Source, tick: Tick) -> Iterator[Frame]:
    """A frame for each column that preprocessors look at."""
    for column in _empty(plan, node, source).of_kind(*PREPARED):
        tick()
        frame = Frame(node.name, source.rows)
        values = source.table([column.name]).column(0)
        frame.add(Column(column.name, column.kind, values, subroles=column.subroles))
        yield frame


def _empty(plan: Plan, node: Node, source: Source) -> Frame:
    """The table without rows; raises ``BadData`` where a column is missing."""
    roles = with_join_columns(node, plan, dict(plan.roles.get(node.table, {})), node is plan.population)
    return frames.read(node.name, source.schema.empty_table(), roles, plan.subroles.get(node.table, {}), {})

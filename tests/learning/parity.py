"""Each feature of the kernels against its own SQL, on DuckDB or on another engine."""

import duckdb
import numpy as np
import pyarrow as pa

from storax_engine.learning.aggregations.catalogue import COUNTING


def assert_parity(trained, tables, *, least=1, dialect="duckdb", run=None, within=1e-4):
    """Every feature equal to ``within`` (relative) for every row of the population; ``least`` so many features.

    ``run(statement)`` gives an Arrow table from another engine, which has the tables.
    """
    db = duckdb.connect()
    for name, table in tables.items():
        db.register(name, table)
    features, statements = trained.transform(tables), trained.to_sql(dialect)
    in_order = run is None
    run = run or (lambda statement: db.sql(statement).to_arrow_table())
    joins = {j.right.name: j for j in trained.plan.population.joins}
    table, wrong = trained.plan.population.table, []
    for feature in trained.state.features:
        computed = run(statements[feature.name])
        if feature.aggregation is not None:
            db.register("computed", computed)
            computed = _spread(db, table, joins[feature.node], feature, tables[table].schema)
        ours, theirs = _numbers(features[feature.name]), _numbers(computed.column(0))
        if feature.aggregation is None and not in_order:
            # The statement has no key, and an engine that joins in parallel or by hash gives rows in any order.
            ours, theirs = np.sort(ours), np.sort(theirs)
        if problem := _differs(ours, theirs, feature.aggregation, within):
            wrong.append(f"{feature.name}: {problem}")
    assert not wrong, f"{len(wrong)} of {len(trained.state.features)}:\n" + "\n".join(wrong[:20])
    assert len(trained.state.features) >= least, len(trained.state.features)


def _spread(db, table, join, feature, schema):
    """The values of a feature for all rows of the population, to which its statement is joined as the docs say."""
    conditions, name = [f'p."{left}" = f."{left}"' for left, _ in join.on], feature.name
    own = [feature.compared[1]] if feature.compared else []
    for column in [*([join.time_stamps[0]] if join.time_stamps else []), *own]:
        temporal = pa.types.is_temporal(schema.field(column).type)
        conditions.append((f'epoch(p."{column}")' if temporal else f'p."{column}"') + f' = f."{column}"')
    rows = f'(SELECT *, row_number() OVER () AS row_ FROM "{table}")'
    query = (
        f'SELECT f."{name}" FROM {rows} p LEFT JOIN computed f ON {" AND ".join(conditions) or "true"} ORDER BY p.row_'
    )
    return db.sql(query).to_arrow_table()


def _numbers(column):
    return np.asarray(column.cast(pa.float64()).to_numpy(), float)


def _differs(a, b, aggregation, within):
    b = np.nan_to_num(b) if aggregation in COUNTING else b
    if a.shape != b.shape:
        return f"{a.shape} rows, not {b.shape}"
    close = np.isclose(a, b, rtol=within, atol=min(within, 1e-6), equal_nan=True)
    return "" if close.all() else f"{(~close).sum()} rows, such as {a[~close][0]} and not {b[~close][0]}"

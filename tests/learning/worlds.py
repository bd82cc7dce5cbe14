"""Small relational data sets: tables, and the description of a pipeline that learns from them."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

HOUR, DAY = 3600.0, 86400.0


def join(name, on, time_stamps=None, joins=(), **fields):
    right = {"name": name, "joins": list(joins)}
    return {"right": right, "on": [on] if isinstance(on, tuple) else [(on, on)], "time_stamps": time_stamps, **fields}


def spec(joins, roles, *, population="population", predictor="XGBoostRegressor", learner=(), **fields):
    return {
        "data_model": {"name": population, "joins": joins},
        "roles": roles,
        "feature_learners": [{"kind": "FastProp", "num_features": 10_000, **dict(learner)}],
        "predictors": [{"kind": predictor}] if predictor else [],
        **fields,
    }


def shop(seed, n=300, orders=4000):
    """Customers and their orders: keys missing on either side, nulls everywhere, times that tie."""
    rng = np.random.default_rng(seed)
    start = 1_600_000_000
    customers = pa.table(
        {
            "id": pa.array(rng.integers(0, n, n), mask=rng.random(n) < 0.02),
            "at": pa.array(start + rng.integers(0, 60 * 24, n) * 3600, pa.int64()).cast(pa.timestamp("s")),
            "age": pa.array(rng.normal(40, 10, n), mask=rng.random(n) < 0.1),
            "spent": rng.normal(size=n),
        }
    )
    values = rng.normal(10, 3, orders).round(1)
    bought = pa.table(
        {
            "id": pa.array(rng.integers(-5, n + 5, orders), mask=rng.random(orders) < 0.02),
            "ts": pa.array(
                (start + rng.integers(0, 60 * 24, orders) * 3600), pa.int64(), mask=rng.random(orders) < 0.02
            ).cast(pa.timestamp("s")),
            "price": pa.array(values, mask=rng.random(orders) < 0.1),
            "pieces": rng.integers(0, 4, orders),
            "kind": pa.array(rng.choice(["tea", "milk", "jam", "salt"], orders), mask=rng.random(orders) < 0.1),
            "paid": pa.array(start + rng.integers(0, 70 * 24, orders) * 3600, pa.int64()).cast(pa.timestamp("s")),
        }
    )
    return {"population": customers, "orders": bought}


SHOP_ROLES = {
    "population": {"numerical": ["age"], "join_key": ["id"], "time_stamp": ["at"], "target": ["spent"]},
    "orders": {
        "numerical": ["price", "pieces"],
        "categorical": ["kind"],
        "join_key": ["id"],
        "time_stamp": ["ts", "paid"],
    },
}


MARKET_ROLES = {
    "population": {
        "numerical": ["age", "limit"], "categorical": ["likes"], "join_key": ["id"], "time_stamp": ["at", "due"],
        "target": ["spent"],
    },
    "orders": SHOP_ROLES["orders"],
}  # fmt: skip
MARKET_UNITS = {
    "population": {"limit": "EUR", "due": "date", "likes": "goods", "spent": "EUR"},
    "orders": {"price": "EUR", "paid": "date", "kind": "goods"},
}


def market(seed, **sizes):
    """The shop, with a limit (0 and null among them), a due date and a favourite of each customer."""
    draw, tables = np.random.default_rng([seed, 1]), shop(seed, **sizes)
    n = len(tables["population"])
    columns = {
        "limit": pa.array(draw.integers(0, 15, n).astype(float), mask=draw.random(n) < 0.1),
        "due": pa.array(1_600_000_000 + draw.integers(0, 70, n) * 86_400, pa.int64()).cast(pa.timestamp("s")),
        "likes": pa.array(draw.choice(["tea", "jam", "figs"], n), mask=draw.random(n) < 0.1),
    }
    population = tables["population"]
    for name, values in columns.items():
        population = population.append_column(name, values)
    return {**tables, "population": population}


def fit(*args, **kwargs):
    from storax_engine import learning

    return learning.fit(*args, **kwargs)


def under_conditions(tables):
    """Features of a shop, each over rows that meet conditions, as ConditionBoost learns them; and the tables."""
    from storax_engine.learning.features.filters import ABOVE, IN, UP_TO, Filter

    orders = join("orders", "id", ("at", "ts"), horizon=3 * HOUR)
    learner = {"aggregation": ["AVG", "COUNT", "LAST", "MAX", "MIN", "SUM", "TREND"]}
    trained = fit(spec([orders], SHOP_ROLES, predictor=None, learner=learner), tables)
    kinds = Filter("kind", IN, categories=("jam", "tea"))
    wheres = (Filter("price", ABOVE, 9.55), kinds), (Filter("pieces", UP_TO, 2.0),)
    trained.state.features = [
        replace(feature, name=f"{number}_{feature.name}", where=where, window=(0.0, 30 * DAY))
        for feature in trained.state.features
        if feature.column in {None, "price"} and feature.aggregation
        for number, where in enumerate(wheres)
    ]
    return trained, tables


def towns(seed, n=250, sales=2500, lines=6000):
    """Customers who live in towns and buy in shops, in towns too; each sale has lines. Text, mail addresses, gaps."""
    rng = np.random.default_rng(seed)
    start = 1_600_000_000
    at = (
        pa.array(start + rng.integers(0, 400 * 24, n) * 3600, pa.int64())
        .cast(pa.timestamp("s"))
        .cast(pa.timestamp("us"))
    )
    vocabulary = ["red", "green", "Blue", "big", "small"]
    population = pa.table(
        {
            "id": [f"c{i}" for i in range(n)],
            "at": at,
            "town_id": pa.array(rng.integers(0, 12, n), mask=rng.random(n) < 0.05),
            "area": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.2),
            "colour": pa.array(rng.choice(["red", "green", "blue"], n), mask=rng.random(n) < 0.1),
            "note": [" ".join(rng.choice(vocabulary, 3)) + "!" for _ in range(n)],
            "spent": rng.normal(size=n),
        }
    )
    sold = pa.table(
        {
            "sale_id": np.arange(sales),
            "customer": [f"c{i}" for i in rng.integers(0, n, sales)],
            "ts": pa.array(start + rng.integers(0, 400 * 24, sales) * 3600, pa.int64())
            .cast(pa.timestamp("s"))
            .cast(pa.timestamp("us")),
            "town_id": rng.integers(0, 12, sales),
            "shop": pa.array(rng.choice(["north", "nova", "south", "rare"], sales, p=[0.5, 0.3, 0.197, 0.003])),
            "mail": [f"x{i}@{'a.org' if i % 3 else 'B.net'}" for i in range(sales)],
        }
    )
    items = pa.table({"sale_id": rng.integers(0, sales, lines), "amount": rng.normal(5, 2, lines)})
    places = pa.table({"town_id": np.arange(11), "people": rng.integers(1, 99, 11).astype(float)})
    tables = {"population": population, "sales": sold, "lines": items, "town": places, "places": places}
    inner = [
        join("lines", "sale_id"),
        join("places", "town_id", relationship="many_to_one"),
    ]
    joins = [
        join("town", "town_id", relationship="many_to_one"),
        join("sales", ("id", "customer"), ("at", "ts"), joins=inner),
    ]
    roles = {
        "population": {
            "numerical": ["area"],
            "categorical": ["colour"],
            "text": ["note"],
            "join_key": ["id", "town_id"],
            "time_stamp": ["at"],
            "target": ["spent"],
        },
        "sales": {
            "join_key": ["sale_id", "customer", "town_id"],
            "time_stamp": ["ts"],
            "categorical": ["shop"],
            "text": ["mail"],
        },
        "lines": {"join_key": ["sale_id"], "numerical": ["amount"]},
        "town": {"join_key": ["town_id"], "numerical": ["people"]},
        "places": {"join_key": ["town_id"], "numerical": ["people"]},
    }
    return tables, joins, roles

"""``python -m benchmarks.condition_boost``: what learned conditions add to FastProp, where the target depends on some.

Three generated data sets, each with a row for training and one for testing per customer. The predictor is the same.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from storax_engine import learning

DAY, START, DAYS = 86_400, 1_600_000_000, 130
CATEGORIES = list("abcdefgh")
FASTPROP = {"kind": "FastProp"}
WIDE = {"kind": "FastProp", "n_most_frequent": 8, "windows": [7.0 * DAY, 30.0 * DAY]}
LEARNERS: Mapping[str, list[dict[str, Any]]] = {
    "FastProp": [FASTPROP],
    "FastProp with categories and windows": [WIDE],
    "FastProp and ConditionBoost": [FASTPROP, {"kind": "ConditionBoost"}],
}
Floats = npt.NDArray[np.float64]
Tables = dict[str, pa.Table]


def threshold(seed: int, customers: int = 3000) -> Tables:
    """How many orders above 25 there are in two of eight categories, and noise."""
    shop = _Shop(seed, customers)
    return shop.tables(shop.total((shop.amount > 25) & np.isin(shop.category, ["a", "d"])))


def trend(seed: int, customers: int = 3000) -> Tables:
    """How amounts rise or fall, in two categories alone; those of the others are noise."""
    shop = _Shop(seed, customers)
    slope, days = shop.draw.normal(size=customers), (shop.time - START) / DAY - DAYS / 2
    follows = np.isin(shop.category, ["c", "e"])
    line = 50 + slope[shop.customer] * days / 3 + shop.draw.normal(size=len(days)) * 2
    shop.amount = np.where(follows, line, shop.draw.normal(50, 20, len(days)))
    return shop.tables(slope)


def recent(seed: int, customers: int = 3000) -> Tables:
    """Whether more than usual was spent in two categories during the last twelve days: a class."""
    shop = _Shop(seed, customers)
    new = shop.age < 12 * DAY
    spent = shop.total(new & np.isin(shop.category, ["b", "g"]), shop.amount)
    tables = shop.tables(spent)
    y = tables["population"]["y"].to_numpy()
    return {**tables, "population": tables["population"].set_column(2, "y", pa.array((y > np.median(y)).astype(float)))}


class _Shop:
    """Customers who are asked about once, and their orders before and after."""

    def __init__(self, seed: int, customers: int) -> None:
        self.draw = draw = np.random.default_rng(seed)
        n = 20 * customers
        self.moments = START + draw.integers(100 * DAY, DAYS * DAY, customers)
        self.customer, self.time = draw.integers(0, customers, n), START + draw.integers(0, DAYS * DAY, n)
        self.amount, self.category = draw.gamma(2.0, 8.0, n), draw.choice(CATEGORIES, n)
        self.age = self.moments[self.customer] - self.time

    def total(self, counted: npt.NDArray[np.bool_], values: Floats | None = None) -> Floats:
        """Return the sum, or the number, of those earlier orders of each customer that count."""
        counted = counted & (self.age >= 0)
        weights = None if values is None else values[counted]
        return np.bincount(self.customer[counted], weights, minlength=len(self.moments)).astype(np.float64)

    def tables(self, signal: Floats) -> Tables:
        """Return the population with the signal and noise as its target, and the orders."""
        y = signal / signal.std() + self.draw.normal(size=len(signal)) * 0.3
        people = {"id": np.arange(len(y)), "at": _times(self.moments), "y": y}
        orders = {"id": self.customer, "ts": _times(self.time), "amount": self.amount, "category": self.category}
        return {"population": pa.table(people), "orders": pa.table(orders)}


def _times(seconds: Any) -> pa.Array:
    return pa.array(seconds, pa.int64()).cast(pa.timestamp("s"))


WORLDS: Mapping[str, tuple[Callable[..., Tables], str, str]] = {
    "threshold": (threshold, "XGBoostRegressor", "rsquared"),
    "trend": (trend, "XGBoostRegressor", "rsquared"),
    "time and category": (recent, "XGBoostClassifier", "auc"),
}


def description(learners: list[dict[str, Any]], predictor: str | None) -> dict[str, Any]:
    """Return the pipeline: orders before the time of each customer's question."""
    join = {"right": {"name": "orders"}, "on": [["id", "id"]], "time_stamps": ["at", "ts"]}
    return {
        "data_model": {"name": "population", "joins": [join]},
        "roles": {
            "population": {"join_key": ["id"], "time_stamp": ["at"], "target": ["y"]},
            "orders": {
                "join_key": ["id"], "time_stamp": ["ts"], "numerical": ["amount"], "categorical": ["category"],
            },
        },
        "feature_learners": learners,
        "predictors": [{"kind": predictor}] if predictor else [],
    }  # fmt: skip


def main() -> None:
    """Print a row for each data set and choice of learners; compile before, so that it costs none of them."""
    learning.fit(description(LEARNERS["FastProp and ConditionBoost"], "XGBoostRegressor"), threshold(0, 100))
    print("| data set | score | learners | value | features | CPU s of the fit |\n|---|---|---|---|---|---|")
    for name, (make, predictor, metric) in WORLDS.items():
        train, test = make(1), make(2)
        for title, learners in LEARNERS.items():
            begun = time.process_time()
            trained = learning.fit(description(learners, predictor), train)
            cpu, value = time.process_time() - begun, trained.score(test)[metric]
            n = len(trained.state.features)
            print(f"| {name} | {metric} | {title} | {value:.3f} | {n} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()

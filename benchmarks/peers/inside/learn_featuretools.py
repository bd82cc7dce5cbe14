"""featuretools makes the features of a few hundred test rows of one task, and prints its CPU seconds a row as JSON.

Runs in featuretools' environment, not in that of Storax. It works out every cutoff time alone, so more rows take hours.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import featuretools as ft
import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
AGGREGATIONS = ["mean", "count", "max", "median", "min", "std", "sum", "first", "last", "trend"]


def moments(seconds):
    """As pandas counts them."""
    return pd.to_datetime((seconds * 1e9).astype("int64"))


def features(order, rows, tables):
    """One calculation for each join, as of each row's own moment."""
    for join in order["joins"]:
        name, key = join["right"]["name"], join["on"][0][0]
        around, (left, right) = tables[name].copy(), join["time_stamps"]
        around["time_"] = moments(around[right] + (join.get("horizon") or 0.0))
        around["id_"] = np.arange(len(around))
        keys = pd.concat([around[[key]], rows[[key]]]).drop_duplicates().reset_index(drop=True)
        numbers = order["roles"][name]["numerical"]
        known = ft.EntitySet()
        known.add_dataframe(dataframe_name="key", dataframe=keys, index=key)
        known.add_dataframe(
            dataframe_name="around", dataframe=around[["id_", key, "time_", *numbers]], index="id_", time_index="time_"
        )
        known.add_relationship("key", key, "around", key)
        when = pd.DataFrame({key: rows[key], "time": moments(rows[left]).to_numpy()}).drop_duplicates()
        ft.dfs(
            entityset=known, target_dataframe_name="key", cutoff_time=when, agg_primitives=AGGREGATIONS,
            trans_primitives=[], max_depth=1, n_jobs=1, cutoff_time_in_index=True,
            training_window=ft.Timedelta(join["memory"], "s") if join.get("memory") else None,
        )  # fmt: skip


def main(folder):
    """Read, sample the test rows, time."""
    order = json.loads((folder / "order.json").read_text())
    tables = {name: pd.read_parquet(path) for name, path in order["files"].items()}
    rows = tables["population"]
    rows = rows[rows.split == "test"]
    rows = rows.sample(min(order["rows"], len(rows)), random_state=1).reset_index(drop=True)
    begun = time.process_time()
    features(order, rows, tables)
    print(json.dumps({"transform_row": (time.process_time() - begun) / len(rows)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What a bucket needs of memory is a bucket's, not the tables'. Each figure is the peak of a process of its own."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learning.worlds import join, spec

N = 8
ROWS, ORDERS = 40_000, 2_500_000
# The kernel's own figure of this program alone: that of getrusage begins with what the parent had.
PEAK = """
import sys
from storax_engine import learning
from storax_engine.learning import buckets
import pyarrow.parquet as pq
{}
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024)
"""


def peak_mb(code):
    done = subprocess.run([sys.executable, "-c", PEAK.format(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])


@pytest.mark.slow("memory shows on large tables alone")
def test_a_bucket_and_the_splitting_need_a_part_of_the_memory_of_the_whole(tmp_path):
    rng = np.random.default_rng(1)
    people = pa.table({"id": np.arange(ROWS), "at": rng.uniform(50, 100, ROWS), "y": rng.normal(size=ROWS)})
    values = {f"v{i}": rng.normal(size=ORDERS) for i in range(6)}
    orders = pa.table({"id": rng.integers(0, ROWS, ORDERS), "ts": rng.uniform(0, 100, ORDERS), **values})
    pq.write_table(people, tmp_path / "people.parquet")
    pq.write_table(orders, tmp_path / "orders.parquet", row_group_size=100_000)
    roles = {
        "people": {"join_key": ["id"], "time_stamp": ["at"], "target": ["y"]},
        "orders": {"join_key": ["id"], "time_stamp": ["ts"], "numerical": list(values)},
    }
    learner = {"aggregation": ["AVG", "MAX", "LAST"], "num_features": 10}
    description = spec(
        [join("orders", "id", ("at", "ts"))], roles, population="people", predictor=None, learner=learner
    )
    tables = {name: str(tmp_path / f"{name}.parquet") for name in ("people", "orders")}
    (tmp_path / "spec.json").write_text(json.dumps(description))
    work, read = str(tmp_path / "work"), f"import json; spec = json.load(open({str(tmp_path / 'spec.json')!r}))\n"
    base = peak_mb("pass")
    whole = peak_mb(f"{read}learning.fit(spec, {{n: pq.read_table(p) for n, p in {tables!r}.items()}})") - base
    splitting = peak_mb(f"{read}buckets.prepare_fit(spec, {tables!r}, {work!r}, buckets={N})") - base
    largest = peak_mb(f"for i in range({N}): buckets.compute({work!r}, i)") - base
    print(f"base {base:.0f} MB; more: whole {whole:.0f}, splitting {splitting:.0f}, a bucket {largest:.0f}")
    assert whole > 300, "the tables are too small to tell"
    assert largest < whole / 2
    assert splitting < whole * 0.8

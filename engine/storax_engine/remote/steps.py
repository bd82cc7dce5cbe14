"""A large feature step as several jobs of one order: one prepares, one works on each bucket, one puts them together.

The last is the order's own job, and its folder the order's. The others have folders in ``steps/`` with an order of
their own; they finish before it, and it does itself what it finds undone, so that to retry it alone mends everything.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storax_engine.remote import manifest
from storax_engine.remote.manifest import ERROR, ORDER, RESULT, TABLES, TRAINED, read_json, write_json

Row = dict[str, Any]
Tell = Callable[[float, str], None]
STEPS, BUCKETS, FEATURES = "steps", "buckets", "features.parquet"
PREPARE, BUCKET = "prepare", "bucket"
_BEFORE = 0.7  # how much of the whole is done when the last job begins, about


def lay_down(folder: Path, n: int) -> None:
    """Write the orders of the steps of an order with ``n`` buckets."""
    for name, order in _steps(n):
        (folder / STEPS / name).mkdir(parents=True, mode=0o700)
        write_json(folder / STEPS / name / ORDER, order)


def bodies(folder: Path, n: int, tags: Mapping[str, str]) -> list[Row]:
    """The jobs of the steps, for one call that makes them and then the order's own, which has the last place."""
    rows: list[Row] = []
    for name, order in _steps(n):
        of = {**tags, "work": order["kind"], **({"bucket": str(order["bucket"])} if order["kind"] == BUCKET else {})}
        parents = [0] if order["kind"] == BUCKET else []
        rows.append({"parameters": {"order": str(folder / STEPS / name)}, "tags": of, "parent_refs": parents})
    return rows


def do(folder: Path, order: Mapping[str, Any], tell: Tell) -> Row:
    """One step, as a job's command."""
    main = folder.parent.parent
    whole = read_json(main / ORDER)
    if order["kind"] == PREPARE:
        _prepare(main, whole, tell)
    else:
        _compute(main, int(order["bucket"]))
    result: Row = {"done": True}
    write_json(folder / RESULT, result)
    (folder / ERROR).unlink(missing_ok=True)
    return result


def complete(folder: Path, order: Mapping[str, Any], tell: Tell) -> None:
    """Do what the steps of an order have left undone."""
    _prepare(folder, order, tell)
    for i in range(order["buckets"]):
        _compute(folder, i)


def fit(folder: Path, order: Mapping[str, Any], tell: Tell) -> Any:
    """Put the buckets together and learn."""
    from storax_engine.learning import buckets

    complete(folder, order, tell)
    return buckets.fit(folder / BUCKETS, progress=lambda part, words: tell(_BEFORE + (1 - _BEFORE) * part, words))


def write_features(folder: Path, order: Mapping[str, Any], tell: Tell) -> None:
    """Put the features together as one Parquet file, in the population's order."""
    from storax_engine import learning

    aside = folder / f".{FEATURES}"
    if order.get("buckets"):
        complete(folder, order, tell)
        blocks = learning.buckets.blocks(folder / BUCKETS)
    else:
        given = manifest.read_tables(Path(order.get("tables", folder)), order["test"])
        blocks = iter([learning.load(folder / TRAINED).transform(given)])
    _write(aside, blocks)
    aside.replace(folder / FEATURES)


def progress(folder: Path, n: int) -> tuple[float, str]:
    """How far the steps of an order are together."""
    done = sum((folder / STEPS / name / RESULT).exists() for name, _ in _steps(n))
    return _BEFORE * done / (n + 1), f"{max(done - 1, 0)} of {n} buckets" if done else "preparing"


def error(folder: Path) -> Row | None:
    """What the first step that failed for its data said."""
    found = (manifest.told(place) for place in sorted((folder / STEPS).glob(f"*/{ERROR}"), reverse=True))
    return next((row for row in found if row), None)


def _steps(n: int) -> Iterator[tuple[str, Row]]:
    yield PREPARE, {"kind": PREPARE}
    yield from ((f"{BUCKET}-{i:04d}", {"kind": BUCKET, "bucket": i}) for i in range(n))


def _prepare(main: Path, order: Mapping[str, Any], tell: Tell) -> None:
    from storax_engine import learning

    place = main / BUCKETS
    if learning.buckets.is_prepared(place):
        return
    given_in = Path(order.get("tables", main)) / TABLES
    tables = {name: given_in / file for name, file in (order.get("train") or order["test"]).items()}
    if order["kind"] == "transform":
        trained = learning.load(main / TRAINED)
        learning.buckets.prepare_transform(trained, tables, place, buckets=order["buckets"], progress=tell)
    else:
        learning.buckets.prepare_fit(order["spec"], tables, place, buckets=order["buckets"], progress=tell)


def _compute(main: Path, bucket: int) -> None:
    from storax_engine.learning import buckets

    if not buckets.is_computed(main / BUCKETS, bucket):
        buckets.compute(main / BUCKETS, bucket)


def _write(path: Path, blocks: Iterator[pa.Table]) -> None:
    first = next(blocks)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as file:
        file.write_table(first)
        for block in blocks:
            file.write_table(block)

"""The features of all buckets as one matrix in the population's own order, read by columns or by rows."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storax_engine.learning.buckets.bucket_features import CATEGORIES, FEATURES, GROUP, LEVELS, group
from storax_engine.learning.buckets.splitting import ROW, home, table
from storax_engine.learning.errors import BadData
from storax_engine.learning.tables.columns import Floats, Ints

BLOCK_ROWS = 64 * 1024


class Matrix:
    """What ``part.write`` wrote into every bucket. Raises ``BadData`` where a bucket has not been computed."""

    def __init__(self, folder: Path, n: int, rows: int, features: int) -> None:
        self._homes = [home(folder, i) for i in range(n)]
        self.rows, self._features = rows, features
        for i, bucket in enumerate(self._homes):
            if not (bucket / FEATURES).is_dir():
                raise BadData(f"bucket {i} of {folder} has not been computed")
        self._places: list[Ints] = [self._rows(bucket) for bucket in self._homes]

    def columns(self, places: Sequence[int]) -> Floats:
        """``out[j]`` is the feature of number ``places[j]`` for every row of the population."""
        out = np.empty((len(places), self.rows))
        for rows, bucket in zip(self._places, self._homes, strict=True):
            for start in sorted({p // GROUP * GROUP for p in places}):
                wanted = [j for j, p in enumerate(places) if p // GROUP * GROUP == start]
                block = pq.read_table(bucket / FEATURES / group(start), columns=[str(places[j]) for j in wanted])
                for j in wanted:
                    out[j, rows] = block.column(str(places[j])).to_numpy()
        return out

    def category(self, name: str) -> pa.Array:
        """A categorical column of the population, in its order."""
        parts = [pq.read_table(bucket / FEATURES / CATEGORIES, columns=[name]).column(0) for bucket in self._homes]
        whole = pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string()).combine_chunks()
        return whole.take(pa.array(np.argsort(np.concatenate(self._places), kind="stable")))

    def levels(self) -> dict[str, int]:
        """How far each join came in any bucket; see ``finding``."""
        highest: dict[str, int] = {}
        files = [bucket / FEATURES / LEVELS for bucket in self._homes]
        for file in files if all(file.is_file() for file in files) else ():  # an older version wrote none
            for name, level in json.loads(file.read_text()).items():
                highest[name] = max(level, highest.get(name, 0))
        return highest

    def blocks(self) -> Iterator[pa.Table]:
        """All features, so many rows at a time; a feature that is not known is null. At least one block."""
        readers = [
            _Reader(bucket, rows, self._features) for rows, bucket in zip(self._places, self._homes, strict=True)
        ]
        for start in range(0, max(self.rows, 1), BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, self.rows)
            parts = [reader.until(end) for reader in readers]
            rows = np.concatenate([rows for rows, _ in parts])
            whole = pa.concat_tables([block for _, block in parts])
            yield _nulls(whole.take(pa.array(np.argsort(rows, kind="stable"))))

    def _rows(self, bucket: Path) -> Ints:
        return np.asarray(pq.read_table(bucket / table(0), columns=[ROW]).column(0).to_numpy(), np.int64)


class _Reader:
    """One bucket's features from first to last."""

    def __init__(self, bucket: Path, rows: Ints, features: int) -> None:
        self._rows, self._at = rows, 0
        files = [bucket / FEATURES / group(start) for start in range(0, features, GROUP)]
        self._pieces = [_pieces(file) for file in files]
        self._names = [pq.read_schema(file) for file in files]
        self._held = [schema.empty_table() for schema in self._names]

    def until(self, end: int) -> tuple[Ints, pa.Table]:
        """The next rows of the population before ``end`` that are in this bucket."""
        stop = int(np.searchsorted(self._rows, end))
        rows, self._at = self._rows[self._at : stop], stop
        parts = [self._take(i, len(rows)) for i in range(len(self._held))]
        arrays = [column for part in parts for column in part.columns]
        return rows, pa.table(arrays, names=[name for schema in self._names for name in schema.names])

    def _take(self, i: int, n: int) -> pa.Table:
        while self._held[i].num_rows < n:
            self._held[i] = pa.concat_tables([self._held[i], next(self._pieces[i])])
        taken, self._held[i] = self._held[i].slice(0, n), self._held[i].slice(n)
        return taken


def _pieces(file: Path) -> Iterator[pa.Table]:
    """A file's rows, some at a time; it is open only while it is read, for there are many."""
    with pq.ParquetFile(file) as opened:
        n = opened.num_row_groups
    for i in range(n):
        with pq.ParquetFile(file) as opened:
            piece = opened.read_row_group(i)
        yield piece


def _nulls(block: pa.Table) -> pa.Table:
    known = [pc.if_else(pc.is_nan(column), None, column) for column in block.columns]
    return pa.table(known, names=block.column_names)

"""Tables into buckets, a batch at a time: what is in memory does not grow with the tables."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from storax_engine.learning.buckets import hashes
from storax_engine.learning.buckets.hashes import Hashes
from storax_engine.learning.buckets.layout import HASHED, SEEN, WHOLE, Route, routes
from storax_engine.learning.buckets.placeholder_tables import columns
from storax_engine.learning.buckets.sources import Source
from storax_engine.learning.errors import BadData
from storax_engine.learning.plan import Join, Plan

ROW = "(row)"
FLUSH_BYTES = 32 * 2**20
KEYS_AT_ONCE = 4_000_000
Places = npt.NDArray[np.int64]
Tick = Callable[[], None]


@dataclass
class Split:
    """Splits the tables of one plan into ``n`` buckets below ``folder``."""

    plan: Plan
    sources: Mapping[str, Source]
    folder: Path
    n: int
    replicate_mb: float
    tick: Tick
    _routes: list[Route] = field(default_factory=list)

    def run(self) -> None:
        """Write ``bucket-<i>/table-<k>.parquet``, k counted as the plan is walked.

        Raises:
            BadData: a table that cannot be split is larger than may be in every bucket.
        """
        self._routes = routes(self.plan, self.sources, self.n)
        for old in self.folder.glob("bucket-*"):
            shutil.rmtree(old)
        for i in range(self.n):
            home(self.folder, i).mkdir(parents=True)
        self._population(0, self._routes[0])
        for k, route in enumerate(self._routes[1:], start=1):
            {HASHED: self._hashed, SEEN: self._seen, WHOLE: self._whole}[route.how](k, route)

    def _hashed(self, k: int, route: Route) -> None:
        with self._writers(k, route) as out:
            for batch in self._batches(route):
                hashed, known = self._hash(route, batch)
                # A row with a null key is seen by nobody.
                out.give(batch, np.flatnonzero(known), (hashed[known] % np.uint64(self.n)).astype(np.int64))

    def _population(self, k: int, route: Route) -> None:
        total, at = max(self.sources[route.node.name].rows, 1), 0
        with self._writers(k, route) as out:
            for batch in self._batches(route):
                rows = np.arange(at, at + batch.num_rows)
                to = rows * self.n // total
                if route.how == HASHED:
                    hashed, known = self._hash(route, batch)
                    to = np.where(known, (hashed % np.uint64(self.n)).astype(np.int64), rows % self.n)
                out.give(batch.append_column(ROW, pa.array(rows)), np.arange(batch.num_rows), to)
                at += batch.num_rows

    def _whole(self, k: int, route: Route) -> None:
        with self._writers(k, route) as out:
            for batch in self._batches(route):
                for i in range(self.n):
                    out.give(batch, np.arange(batch.num_rows), np.full(batch.num_rows, i))

    def _seen(self, k: int, route: Route) -> None:
        join, above = route.join, next(i for i, r in enumerate(self._routes) if r.node is route.left)
        if join is None:
            return
        right = self.sources[route.node.name]
        names = list(dict.fromkeys(join.on))
        kinds = [hashes.kind(right.schema.field(b).type) for _, b in names]
        with self._writers(k, route) as out:
            for keys in self._keys(above, [a for a, _ in names], kinds):
                for batch in self._batches(route):
                    hashed, known = hashes.of(route.node.name, batch, [b for _, b in names], kinds)
                    out.give(batch, *keys.buckets(hashed, known))

    def _keys(self, above: int, names: Sequence[str], kinds: Sequence[pa.DataType]) -> Iterator["_Keys"]:
        """The keys of some buckets of the left side, as many buckets at once as memory is meant for."""
        kept, size = list[tuple[int, Hashes]](), 0
        for i in range(self.n):
            parts = [np.empty(0, np.uint64)]
            for batch in Source(home(self.folder, i) / table(above)).batches(list(dict.fromkeys(names))):
                some, known = hashes.of(self._routes[above].node.name, batch, names, kinds)
                parts.append(np.unique(some[known]))
            distinct: Hashes = np.unique(np.concatenate(parts))
            if kept and size + len(distinct) > KEYS_AT_ONCE:
                yield _Keys(kept)
                kept, size = [], 0
            kept.append((i, distinct))
            size += len(distinct)
        yield _Keys(kept)

    def _hash(self, route: Route, batch: pa.Table) -> tuple[Hashes, npt.NDArray[np.bool_]]:
        kinds = [hashes.kind(batch.schema.field(c).type) for c in route.columns]
        return hashes.of(route.node.name, batch, route.columns, kinds)

    def _batches(self, route: Route) -> Iterator[pa.Table]:
        for batch in self.sources[route.node.name].batches(columns(self.plan, route.node)):
            self.tick()
            yield batch

    def _writers(self, k: int, route: Route) -> "_Writers":
        source = self.sources[route.node.name]
        schema = pa.schema([source.schema.field(c) for c in columns(self.plan, route.node)])
        if route.join is None:
            schema = schema.append(pa.field(ROW, pa.int64()))
        paths = [home(self.folder, i) / table(k) for i in range(self.n)]
        return _Writers(paths, schema, _Limit(source.rows, self.replicate_mb * 2**20, self._too_much(route)))

    def _too_much(self, route: Route) -> str:
        why = "has no keys" if not (route.join and route.join.on) else f"is joined by {_named(route.join)}"
        return (
            f"table {route.node.name!r} {why}, so its rows are needed in many buckets, and one of them holds more than "
            f"replicate_mb={self.replicate_mb:g} of it: join it by the keys that larger tables are joined by, leave "
            "out rows that nobody needs, or allow more"
        )


class _Keys:
    """Pairs of a key and a bucket, in the order of the keys."""

    def __init__(self, of: Sequence[tuple[int, Hashes]]) -> None:
        keys = np.concatenate([hashed for _, hashed in of])
        places = np.repeat([i for i, _ in of], [len(hashed) for _, hashed in of])
        order = np.argsort(keys, kind="stable")
        self._keys, self._places = keys[order], places[order]

    def buckets(self, hashed: Hashes, known: npt.NDArray[np.bool_]) -> tuple[Places, Places]:
        """Pairs of a row and a bucket that needs it, in the order of the rows."""
        lo, hi = np.searchsorted(self._keys, hashed, "left"), np.searchsorted(self._keys, hashed, "right")
        width = np.where(known, hi - lo, 0)
        rows = np.repeat(np.arange(len(hashed)), width)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(width) - width, width)
        return rows, self._places[np.repeat(lo, width) + within]


@dataclass(frozen=True)
class _Limit:
    """A table most of whose ``rows`` go to several buckets may have so many bytes in each."""

    rows: int
    most: float
    error: str

    def check(self, written: int, largest: float) -> None:
        if written > 2 * self.rows and largest > self.most:
            raise BadData(self.error)


class _Writers:
    """A Parquet file for each bucket, written in large pieces."""

    def __init__(self, paths: Sequence[Path], schema: pa.Schema, limit: _Limit) -> None:
        self._files = [pq.ParquetWriter(path, schema, compression="zstd") for path in paths]
        self._limit = limit
        self._waiting: list[list[pa.Table]] = [[] for _ in paths]
        self._bytes, self._sizes, self._rows = 0, np.zeros(len(paths)), 0

    def give(self, batch: pa.Table, rows: Places, to: Places) -> None:
        """Put ``rows[i]`` of the batch into bucket ``to[i]``. A batch may come several times, with other rows."""
        order = np.argsort(to, kind="stable")
        ends = np.searchsorted(to[order], np.arange(len(self._files) + 1))
        width = batch.nbytes / max(batch.num_rows, 1)
        for i, (a, b) in enumerate(pairwise(ends)):
            if b > a:
                self._waiting[i].append(batch.take(pa.array(rows[order[a:b]])))
                self._sizes[i] += width * (b - a)
        self._bytes += int(width * len(rows))
        self._rows += len(rows)
        self._limit.check(self._rows, float(self._sizes.max()))
        if self._bytes > FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        for file, waiting in zip(self._files, self._waiting, strict=True):
            if waiting:
                file.write_table(pa.concat_tables(waiting).combine_chunks())
                waiting.clear()
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        for file in self._files:
            file.close()


def home(folder: Path, i: int) -> Path:
    """Return the folder of bucket i."""
    return folder / f"bucket-{i:04d}"


def table(k: int) -> str:
    """The file of the k-th placeholder."""
    return f"table-{k}.parquet"


def _named(join: Join) -> str:
    return ", ".join(repr(b) for _, b in join.on)

"""What was computed from Arrow tables, kept for whoever computes the same again."""

import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol


class Sized(Protocol):
    """A value that knows how much memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes that would be freed with it."""


@dataclass(frozen=True)
class _Entry:
    kind: str
    owners: tuple["weakref.ref[Any]", ...]
    value: Any


class Cache:
    """Values by key, each as long as all its owners are alive. Safe for threads.

    Nothing here refers to the owners, so they are freed as soon as nobody else has them, and their values with them.

    Args:
        limit: bytes of all values together; the one that was not used for longest goes first. None: no limit.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._guard = threading.RLock()
        self._entries: dict[Hashable, _Entry] = {}  # the one that was used last is the last

    def get(self, kind: str, key: Hashable, owners: Sequence[Any], make: Callable[[], Sized]) -> Any:
        """Return what was made for this key from these very owners, or what ``make`` makes now.

        Args:
            kind: a word for ``nbytes``.
            key: all that the value depends on besides the owners.
            owners: what it is made from; it is never returned for others, even if they are equal.
            make: makes it. Two threads may both make it.
        """
        known = (kind, key, tuple(map(id, owners)))
        with self._guard:
            entry = self._entries.pop(known, None)
            if entry is not None and all(ref() is owner for ref, owner in zip(entry.owners, owners, strict=True)):
                self._entries[known] = entry
                return entry.value
        value = make()
        forget = partial(_forget, weakref.ref(self), known)
        with self._guard:
            self._entries[known] = _Entry(kind, tuple(weakref.ref(owner, forget) for owner in owners), value)
        self.shrink()
        return value

    def shrink(self) -> None:
        """Drop what is above the limit. Values may have grown since they were made."""
        with self._guard:
            while self._limit is not None and self._entries and sum(self.nbytes().values()) > self._limit:
                self._entries.pop(next(iter(self._entries)), None)

    def nbytes(self) -> dict[str, int]:
        """Return the bytes of all values by kind."""
        sizes: dict[str, int] = defaultdict(int)
        with self._guard:
            for entry in list(self._entries.values()):
                sizes[entry.kind] += entry.value.nbytes
        return dict(sizes)

    def _drop(self, known: Hashable) -> None:
        with self._guard:
            self._entries.pop(known, None)


def _forget(cache: "weakref.ref[Cache]", known: Hashable, _owner: Any) -> None:
    """Drop an entry whose owner died; a bound method here would keep the cache alive."""
    alive = cache()
    if alive is not None:
        alive._drop(known)

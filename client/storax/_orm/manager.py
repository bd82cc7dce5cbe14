"""Managers: ``Job.objects`` starts queries and creates jobs; each access makes a new one."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from storax._orm import bulk
from storax._orm.changes import ChangeQuery
from storax._orm.query import M, Query
from storax.client import scoped_client
from storax.errors import InvalidInput

Q = TypeVar("Q", bound=Query[Any])


class Objects(Generic[Q]):
    """The ``objects`` of a model; each access binds it to the client of the enclosing ``with`` block."""

    def __init__(self, manager: Callable[[], type[Q]]) -> None:
        self._manager = manager

    def __get__(self, obj: Any, owner: Any) -> Q:
        return self._manager()(client=scoped_client())


class Manager(ChangeQuery[M]):
    """The manager of one model: queries, creation, bulk calls."""

    def _require_filtered(self, verb: str) -> None:
        raise InvalidInput(
            f"{self._noun}.objects.{verb}() has no filter.",
            hint=f"Filter first; to include every {self._noun}, call {self._noun}.objects.all().{verb}(...).",
        )

    def _create(self, local_arguments: dict[str, Any]) -> M:
        instance: M = object.__new__(self._model)
        instance._fill(local_arguments)
        instance._insert(self._home())
        return instance

    def _bulk_create(self, items: Iterable[M], progress: bool | None) -> list[M]:
        return bulk.create_all(self._model, items, self._home(), progress=progress)

    def _bulk_update(self, items: Iterable[M], *, force: bool, progress: bool | None) -> int:
        return bulk.update_all(self._model, items, self._home(), force=force, progress=progress)

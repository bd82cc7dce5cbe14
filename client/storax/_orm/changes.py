"""Bulk changes by query: one request updates or deletes all that match, and answers their number."""

from typing import Any
from warnings import warn

from storax._orm.query import M, Query, arguments
from storax._runtime.json import dumps, dumps_fields
from storax._runtime.suggestions import unknown
from storax._runtime.unset import UNSET
from storax.errors import InvalidInput, StoraxWarning

# One such call may touch a million rows: it gets this many times the deadline of a small one.
BULK_PATIENCE = 10


class ChangeQuery(Query[M]):
    """A query of a resource that can be updated or deleted."""

    def _require_filtered(self, verb: str) -> None:
        """Accept the query: it has filters, while a manager stands for everything and refuses."""

    def _update(self, local_arguments: dict[str, Any]) -> int:
        patch = arguments(local_arguments)
        params = {"force": "true"} if patch.pop("force", False) else None
        patch = {name: self._patched(name, value) for name, value in patch.items() if value is not UNSET}
        dumps_fields(patch)  # refuses what is too large before it is sent
        body = self._selected("updated", "update", {"patch": patch})
        if body is None or not patch:
            return 0
        answer = self._call("PATCH", "", body, params=params)
        warn_of_left(answer, stacklevel=4)
        return int(answer["updated"])

    def _patched(self, name: str, value: Any) -> Any:
        name, _, part = name.partition("__")
        field = self._model._fields.get(name)
        if field is None or (part and not (field.by_key and part in ("merge", "remove"))):
            name += f"__{part}" if part else ""
            known = [n for n, f in self._model._fields.items() if f.updatable]
            raise unknown(f"{self._noun} has no field", name, known)
        if not field.updatable:
            raise InvalidInput(
                f"{self._noun}.{name} cannot be updated.", hint="It is fixed at creation, or the server sets it."
            )
        return _key_paths(name, value) if part == "remove" else field.checked(self._model, value)

    def _delete(self) -> int:
        body = self._selected("deleted", "delete", {})
        if body is None:
            return 0
        answer = self._call("POST", "delete", body)
        if not_deleted := answer.get("not_deleted"):
            ids = ", ".join(str(i) for i in not_deleted[:10]) + (", ..." if len(not_deleted) > 10 else "")
            message = (
                f"{len(not_deleted)} leased or running were not deleted ({ids}). Cancel them first: query.cancel()."
            )
            warn(StoraxWarning(message), stacklevel=3)
        return int(answer["deleted"])

    def _selected(self, participle: str, verb: str, extra: dict[str, Any]) -> dict[str, Any] | None:
        """Return the body of a bulk call; None where nothing can match."""
        self._require_filtered(verb)
        ids = "query.values_list('id', flat=True)"
        way_out = f"Name its members: {self._noun}.objects.filter(id={ids}).{verb}(...)."
        self._plan.require_whole(participle, way_out)
        self._cache = None
        return None if self._plan.nothing else {**self._plan.selection, **extra}

    def _call(self, method: str, path: str, body: dict[str, Any], *, params: dict[str, str] | None = None) -> Any:
        client = self._home()
        url, deadline = f"/{self._model._spec.path}/{path}", client.deadline * BULK_PATIENCE
        return client.call(method, url, dumps(body), params=params, deadline=deadline).json()


def warn_of_left(answer: dict[str, Any], *, stacklevel: int) -> None:
    """Warn of jobs that a bulk call left as they are, because a parent keeps them from running."""
    if left := answer.get("left"):
        message = f"{left} {'job was' if left == 1 else 'jobs were'} left: {answer['reason']}. {answer['hint']}"
        warn(StoraxWarning(message), stacklevel=stacklevel)


def _key_paths(name: str, paths: Any) -> list[Any]:
    """Return keys to remove, each a text or the list of keys that leads to one inside another.

    Raises:
        InvalidInput: a bare text, or something that is no key.
    """
    as_lists = [] if isinstance(paths, str) else [path if isinstance(path, str) else list(path) for path in paths]
    keys = [key for path in as_lists for key in ([path] if isinstance(path, str) else path or [None])]
    if isinstance(paths, str) or not all(isinstance(key, str) for key in keys):
        raise InvalidInput(f"{name}__remove takes a list of keys, not {paths!r}.", hint=f'{name}__remove=["key"]')
    return as_lists

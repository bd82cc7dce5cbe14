"""Many creates or updates in few requests: 10,000 rows each, atomic each, ids and states filled in place."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from storax._orm.changes import BULK_PATIENCE
from storax._orm.instance import Model
from storax._orm.query_plan import PAGE
from storax._orm.record import put_client, put_position
from storax._runtime.garbage_collector import collector_paused
from storax._runtime.json import dumps
from storax._runtime.progress import Bar, counted
from storax.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from storax.client import Client


def create_all(model: type[Any], items: Iterable[Any], client: "Client", *, progress: bool | None = None) -> list[Any]:
    """Create unsaved instances on the server, fill in their ids and states, and return them in the same order."""
    instances = list(items)
    _require(model, instances, saved=False)
    ordered = model._in_order(instances)
    with counted(f"Creating {model.__name__}s", len(instances), progress) as bar:
        for chunk in _chunks(ordered):
            _create_chunk(model, chunk, client, bar)
    return instances


def _create_chunk(model: type[Any], chunk: Sequence[Any], client: "Client", bar: Bar) -> None:
    def send() -> Any:
        return _send(client, "POST", f"/{model._spec.path}/", model._creations(chunk, client), {"format": "rows"})

    try:
        reply = model._attempt(chunk, client, send)
    except TooLarge:
        if len(chunk) == 1:
            raise
        half = len(chunk) // 2
        _create_chunk(model, chunk[:half], client, bar)
        _create_chunk(model, chunk[half:], client, bar)
        return
    _fill_in(model, chunk, reply, client)
    model._created(chunk)
    bar.update(len(chunk))


@collector_paused()
def _fill_in(model: type[Model], chunk: Sequence[Model], reply: Any, client: "Client") -> None:
    body, position = reply.json(), reply.position
    columns = [(i, model._fields[name].index) for i, name in enumerate(body["columns"]) if name in model._fields]
    has_state = "state" in body["columns"]
    for instance, row in zip(chunk, body["rows"], strict=True):
        values = instance._values
        for i, index in columns:
            values[index] = row[i]
        put_client(instance, client)
        if has_state:
            put_position(instance, position)
        instance._settle_changes()


def update_all(
    model: type[Any], items: Iterable[Any], client: "Client", *, force: bool = False, progress: bool | None = None
) -> int:
    """Send what changed in each of these instances; return how many had changes."""
    instances = list(items)
    _require(model, instances, saved=True)
    with collector_paused():
        changed = [(instance, patch) for instance in instances if (patch := instance._patch())]
    with counted(f"Updating {model.__name__}s", len(changed), progress) as bar:
        for chunk in _chunks(changed):
            _update_chunk(model, chunk, client, bar, {"force": "true"} if force else {})
    return len(changed)


def _update_chunk(model: type[Any], chunk: Sequence[Any], client: "Client", bar: Bar, params: dict[str, str]) -> None:
    id_at = model._id_at
    with collector_paused():
        body = [{"id": instance._values[id_at], **patch} for instance, patch in chunk]
    try:
        reply = _send(client, "PATCH", f"/{model._spec.path}/", body, params)
    except TooLarge:
        if len(chunk) == 1:
            raise
        half = len(chunk) // 2
        _update_chunk(model, chunk[:half], client, bar, params)
        _update_chunk(model, chunk[half:], client, bar, params)
        return
    _fill_in(model, [instance for instance, _ in chunk], reply, client)
    bar.update(len(chunk))


def _send(client: "Client", method: str, path: str, body: list[Any], params: dict[str, str]) -> Any:
    content = dumps(body, rows=len(body))
    return client.call(method, path, content, params=params or None, deadline=client.deadline * BULK_PATIENCE)


def _require(model: type[Any], items: Sequence[Any], *, saved: bool) -> None:
    """Refuse a list with an instance of another model, one that is (not) saved, or one that stands twice."""
    if set(map(type, items)) - {model}:
        wrong = next((instance for instance in items if not isinstance(instance, model)), None)
        if wrong is not None:
            raise InvalidInput(f"{wrong!r} is no {model.__name__}.")
    id_at = model._id_at
    ids = [instance._values[id_at] for instance in items]
    if not (all(ids) if saved else not any(ids)):
        _refuse_first(items, saved=saved)
    if len(set(ids) if saved else set(map(id, items))) < len(items):
        raise InvalidInput(f"The same {model.__name__} stands twice in the list.", hint="Name each once.")


def _refuse_first(items: Sequence[Any], *, saved: bool) -> None:
    wrong = next(instance for instance in items if instance._saved is not saved)
    if saved:
        raise InvalidInput(f"{wrong!r} is not saved yet.", hint="Use bulk_create() for new ones.")
    raise InvalidInput(f"{wrong!r} is saved already.", hint="Use bulk_update() to change those that exist.")


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + PAGE] for start in range(0, len(items), PAGE))

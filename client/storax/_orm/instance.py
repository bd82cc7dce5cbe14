"""The methods of one instance: save, refresh, delete."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from storax._orm.record import Record, Spec
from storax._runtime.json import dumps, dumps_fields
from storax._runtime.unset import UNSET
from storax.client import current_client
from storax.errors import NotFound, ReadOnly

if TYPE_CHECKING:
    from storax._runtime.reply import Reply
    from storax.client import Client

__all__ = ["Model", "Spec"]


class Model(Record):
    """One object of the server, made by its class or by a query; ``save()`` stores what changed."""

    __slots__ = ()

    def __init__(self, *_values: object, **_fields: object) -> None:
        raise ReadOnly(f"{type(self).__name__} cannot be made here: the server makes it.")

    def save(self, *, force: bool = False) -> None:
        """Store it: create a new one, which gets its ``id``, or send what changed in a saved one.

        Of a Job's ``tags``, ``parameters``, ``data`` and ``launch_params``, only the keys that changed are sent: keys
        that others have added since stay. ``update(tags=...)`` replaces all of them.

        Args:
            force: Whether to enter a state that the transitions forbid, which the log records; by default False.

        Raises:
            IllegalMove: The state cannot follow the present one; the message names those that can.
            InvalidInput: A value breaks a rule of the server.
            DoesNotExist: It was deleted meanwhile.
        """
        if not self._saved:
            self._insert(self._home())
        elif patch := self._patch():
            params = {"force": "true"} if force else None
            self._absorb_reply(self._ask("PATCH", "updated", dumps_fields(patch), params=params), saved=True)

    def _change(self, patch: dict[str, Any], *, if_version: int | None = None) -> None:
        """Send raw JSON values by field; the instance changes only once the server has accepted them.

        Raises:
            StaleVersion: The record is not at ``if_version`` any more.
            DoesNotExist: It was deleted meanwhile.
        """
        condition = {} if if_version is None else {"if_version": if_version}
        self._absorb_reply(self._ask("PATCH", "updated", dumps({**patch, **condition})))

    def refresh_from_db(self) -> None:
        """Read it again from the server, and drop unsaved changes.

        Raises:
            DoesNotExist: It was deleted meanwhile.
        """
        self._absorb_reply(self._ask("GET", "refreshed"))

    def delete(self) -> None:
        """Delete it on the server; its ``id`` becomes None, its events stay in the log.

        Raises:
            Leased: A running or leased job must be cancelled first.
            DoesNotExist: It was deleted already.
        """
        self._ask("DELETE", "deleted")
        self._values[self._id_at] = UNSET

    def _prepare(self, client: "Client") -> None:
        """Resolve, just before a create, what needs the server."""

    @classmethod
    def _in_order(cls, items: Sequence[Any]) -> Sequence[Any]:
        """Return the items in the order in which a bulk create sends them."""
        return items

    @classmethod
    def _creations(cls, items: Sequence[Any], client: "Client") -> list[dict[str, Any]]:
        """Return the bodies of a bulk create."""
        for item in items:
            item._prepare(client)
        return [item._creation() for item in items]

    @classmethod
    def _attempt(cls, _items: Sequence[Any], _client: "Client", send: Callable[[], "Reply"]) -> "Reply":
        """Make the create call ``send`` for these items."""
        return send()

    @classmethod
    def _created(cls, items: Sequence[Any]) -> None:
        """Update, after a bulk create, what depends on the new ids."""

    def _insert(self, client: "Client") -> None:
        def send() -> "Reply":
            self._prepare(client)
            return client.call("POST", f"/{self._spec.path}/", dumps_fields(self._creation()))

        reply = self._attempt([self], client, send)
        self._client = client
        self._absorb_reply(reply)

    def _complete(self) -> None:
        body = self._ask("GET", "read").json()
        self._values += [UNSET] * (len(self._fields) - len(self._values))
        for name, field in self._fields.items():
            if not field.sent_only and self._values[field.index] is UNSET:
                self._values[field.index] = body.get(name)

    def _absorb_reply(self, reply: "Reply", *, saved: bool = False) -> None:
        body = reply.json()
        self._absorb(body, body.values(), position=reply.position, saved=saved)

    def _home(self) -> "Client":
        """Return the client it was read from or saved with; the current one for a new instance."""
        return self._client or current_client()

    def _require_id(self, verb: str) -> int:
        if not self._saved:
            raise ReadOnly(f"A {type(self).__name__} that is not saved cannot be {verb}.", hint="Call save() first.")
        return int(self._values[self._id_at])

    def _ask(
        self,
        method: str,
        verb: str,
        content: bytes | None = None,
        *,
        path: str = "",
        params: dict[str, Any] | None = None,
        patience: float = 0,
    ) -> "Reply":
        """Call the server about this object, for ``patience`` seconds longer; a 404 raises its own DoesNotExist."""
        url, client = f"/{self._spec.path}/{self._require_id(verb)}{path}", self._home()
        return gone_as(
            self, lambda: client.call(method, url, content, params=params, deadline=client.deadline + patience)
        )


def gone_as(model: Record | type[Record], call: Callable[[], "Reply"]) -> "Reply":
    """Return the reply of ``call``; a 404 raises the model's own DoesNotExist."""
    try:
        return call()
    except NotFound as error:
        gone = model.DoesNotExist(error.message, hint=error.hint, status=error.status, request_id=error.request_id)
        gone.code = error.code
        raise gone from None

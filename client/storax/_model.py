"""The verbs of one instance: save, refresh, delete."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from storax._json import dumps
from storax._record import Record, Spec
from storax._unset import UNSET
from storax.client import current_client
from storax.errors import NotFound, ReadOnly

if TYPE_CHECKING:
    from storax.client import Client
    from storax._reply import Reply

__all__ = ["Model", "Spec"]


class Model(Record):
    """One thing on the server. Made by its class or by a query; ``save()`` stores what changed."""

    __slots__ = ()

    def __init__(self) -> None:
        raise ReadOnly(f"{type(self).__name__} cannot be made here: the server makes it.")

    def save(self, *, force: bool = False) -> None:
        """Store it: a new one is created and gets its ``id``, a known one sends only what changed.

        Args:
            force: Enter a state that the table of moves forbids; an event of its own says so.

        Raises:
            IllegalMove: The state cannot follow the present one; the message names those that can.
            InvalidInput: A value breaks a rule of the server.
            DoesNotExist: It was deleted meanwhile.
        """
        if not self._saved:
            self._insert(self._home())
        elif patch := self._patch():
            self._absorb_reply(self._ask("PATCH", "updated", dumps(patch), force=force))

    def refresh_from_db(self) -> None:
        """Read it again from the server; unsaved changes are dropped.

        Raises:
            DoesNotExist: It was deleted meanwhile.
        """
        self._absorb_reply(self._ask("GET", "refreshed"))

    def delete(self) -> None:
        """Delete it on the server; its ``id`` becomes None. Its events stay for ever.

        Raises:
            Leased: A running or leased job must be cancelled first.
            DoesNotExist: It was deleted already.
        """
        self._ask("DELETE", "deleted")
        self._values[self._id_at] = UNSET

    def _insert(self, client: "Client") -> None:
        reply = client.call("POST", f"/{self._spec.path}/", dumps(self._creation()))
        self._client = client
        self._absorb_reply(reply)

    def _absorb_reply(self, reply: "Reply") -> None:
        found = reply.json()
        self._absorb(found, found.values(), position=reply.position)

    def _home(self) -> "Client":
        """The client it was read from or saved with; the current one for a new instance."""
        return self._client or current_client()

    def _require_id(self, verb: str) -> int:
        if not self._saved:
            raise ReadOnly(f"A {type(self).__name__} that is not saved cannot be {verb}.", hint="Call save() first.")
        return int(self._values[self._id_at])

    def _ask(self, method: str, verb: str, content: bytes | None = None, *, path: str = "", force: bool = False) -> "Reply":
        """Call the server about this one; a 404 is told as the model's own DoesNotExist."""
        url = f"/{self._spec.path}/{self._require_id(verb)}{path}"
        return gone_as(self, lambda: self._home().call(method, url, content, params={"force": "true"} if force else None))


def gone_as(model: Record | type[Record], call: Callable[[], "Reply"]) -> "Reply":
    """The reply of ``call``, with a 404 told as the model's own DoesNotExist."""
    try:
        return call()
    except NotFound as error:
        gone = model.DoesNotExist(error.message, hint=error.hint, status=error.status, request_id=error.request_id)
        gone.code = error.code
        raise gone from None

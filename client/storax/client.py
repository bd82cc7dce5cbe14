"""Client: one server and one token. ``with Client(url, token):`` makes the models speak to it inside the block."""

import atexit
import os
import threading
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

from storax.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from storax._runtime.reply import Reply
    from storax._runtime.transport import Transport

T = TypeVar("T")

__all__ = ["Client", "current_client"]

_scopes: ContextVar[tuple["Client", ...]] = ContextVar("storax_clients", default=())
_default: list["Client"] = []
_lock = threading.Lock()
_clients: "WeakSet[Client]" = WeakSet()


class Client:
    """A connection to one Storax server.

    Without arguments it uses the first of these that is set: STORAX_URL with STORAX_TOKEN, STORAX_PROFILE, the profile
    ``default``, the profile ``local`` of `storax up`. Safe to share between threads and over a fork; a new thread
    starts outside every ``with`` block, so enter the client there again.

    Args:
        url: Address of the server, such as ``http://127.0.0.1:8360``.
        token: Access token, ``stx_...``.
        profile: Name of a stored profile, in place of ``url`` and ``token``.
        deadline: Seconds for one call with all its retries, by default 60; a bulk call has ten times that.
        connect_within: Seconds within which a first connection must be made; None, the default, means 10.
        transport: An httpx transport in place of the network, for tests; by default None.

    Raises:
        NotConfigured: No argument, variable or profile names a server.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        profile: str | None = None,
        deadline: float = 60.0,
        connect_within: float | None = None,
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        self.url, self._token = (url, token) if url and token else _resolve(url, token, profile)
        self.url, self._token = self.url.rstrip("/"), self._token and self._token.strip()
        self.deadline = deadline
        self._connect_within = connect_within
        self._http = transport
        self._guard = threading.RLock()
        self._entered = 0
        self._transport: Transport | None = None
        self._parts: dict[Any, Any] = {}
        self._left_to_parent: list[Any] = []
        _clients.add(self)

    def call(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        params: Any = None,
        deadline: float | None = None,
        key: str | None = None,
    ) -> "Reply":
        """Send one request and return the raw reply; ``path`` follows ``/api/v1``.

        Mutating calls carry an Idempotency-Key (``key``, or a new one), so that retries have one effect.

        Raises:
            StoraxError: The error that the server answered, or that it did not answer.
        """
        from storax._runtime.transport import Call

        transport = self._transport or self.get_transport()
        return transport.call(Call(method, path, content, params, deadline or self.deadline, key))

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Any = None,
        deadline: float | None = None,
        key: str | None = None,
    ) -> Any:
        """Send ``body`` as JSON to ``path`` below ``/api/v1``; return the parsed answer. For calls without a model."""
        from storax._runtime.json import dumps

        rows = len(body) if isinstance(body, list) else 1
        content = None if body is None else dumps(body, rows=rows)
        return self.call(method, path, content, params=params, deadline=deadline, key=key).json()

    def server_report(self) -> dict[str, Any]:
        """Return the health of the server's parts, its users, and what its database stores; for its administrators.

        Raises:
            Forbidden: The server's setting ``admins`` does not name the user.
        """
        report: dict[str, Any] = self.request("GET", "/admin/report")
        return report

    def get_transport(self) -> "Transport":
        """Return the transport, which the first call makes."""
        from storax._runtime.transport import Transport

        with self._guard:
            if self._transport is None:
                within = self._connect_within
                self._transport = Transport(self.url, self._token, http=self._http, connect_within=within)
            return self._transport

    def wire(self) -> "Transport":
        """Return the transport. Deprecated: use `get_transport`."""
        warnings.warn("Client.wire() is now Client.get_transport().", DeprecationWarning, stacklevel=2)
        return self.get_transport()

    def part(self, kind: "Callable[[Client], T]") -> "T":
        """Return a module's own object for this client: ``kind`` makes it at the first call.

        A part with a method ``close`` is closed with the client, left to the parent by a fork, and made anew after it.
        """
        with self._guard:
            if kind not in self._parts:
                self._parts[kind] = kind(self)
            part: T = self._parts[kind]
            return part

    def close(self) -> None:
        """Close the connections and the event stream; a later call opens them again."""
        with self._guard:
            open_parts, transport = self._take_open_parts(), self._transport
        for part in open_parts:
            part.close()
        if transport:
            transport.close()

    def _take_open_parts(self) -> list[Any]:
        """Remove the parts that hold a connection from this client, and return them."""
        names = [kind for kind, part in self._parts.items() if hasattr(part, "close")]
        return [self._parts.pop(kind) for kind in names]

    def __enter__(self) -> Self:
        _scopes.set((*_scopes.get(), self))
        with self._guard:
            self._entered += 1
        return self

    def __exit__(self, *_: object) -> None:
        _scopes.set(_scopes.get()[:-1])
        with self._guard:
            self._entered -= 1
            last = self._entered == 0
        if last:
            self.close()

    def after_fork(self) -> None:
        """Leave the connections to the parent process, which goes on using them; called in a forked child."""
        self._left_to_parent += [self._transport, *self._take_open_parts()]
        self._guard, self._transport = threading.RLock(), None

    def __repr__(self) -> str:
        return f"Client({self.url!r})"


def scoped_client() -> Client | None:
    """Return the client of the innermost ``with`` block; None outside."""
    scopes = _scopes.get()
    return scopes[-1] if scopes else None


def current_client() -> Client:
    """Return the client of the innermost ``with`` block, else the process's default one, made at its first use.

    Raises:
        NotConfigured: No variable or profile names a server.
    """
    return scoped_client() or (_default[0] if _default else _make_default())


def _make_default() -> Client:
    with _lock:
        if not _default:
            _default.append(Client())
        return _default[0]


def _resolve(url: str | None, token: str | None, profile: str | None) -> tuple[str, str | None]:
    from storax._runtime.settings import SettingsError, resolve

    try:
        connection = resolve(url, token=token, profile=profile)
    except SettingsError as error:
        raise NotConfigured(str(error.args[0]), hint=error.hint) from None
    return connection.url, connection.secret


def _after_fork() -> None:
    """Replace the lock: one that another thread of the parent held would be held for ever in the child."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    for client in list(_clients):
        client.after_fork()


def _at_exit() -> None:
    for client in list(_clients):
        client.close()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)

"""HTTP: one connection pool per client, retries until a deadline, errors as exceptions. Only this file uses httpx."""

import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from storax._runtime.connections import failures
from storax._runtime.connections.pool import IDLE_SEC, Pool
from storax._runtime.connections.probes import SOCKET_OPTIONS
from storax._runtime.connections.proxies import is_proxied
from storax._runtime.connections.stream import Stream
from storax._runtime.reply import Reply, problem
from storax._runtime.retry import CONNECT_WITHIN, Patience, is_transient, new_command_id, seconds_of
from storax.errors import DeadlineExceeded, InvalidInput, NotStorax, ServerDown, StoraxError, Unavailable

if TYPE_CHECKING:
    from ssl import SSLContext

# httpx imports its own command line, which imports rich, click and pygments: 160 ms of CPU that no client needs.
_spared = "httpx" not in sys.modules and "httpx._main" not in sys.modules
if _spared:
    sys.modules["httpx._main"] = ModuleType("httpx._main")
    sys.modules["httpx._main"].main = _main = lambda: None  # type: ignore[attr-defined]
import httpx  # noqa: E402

if _spared:
    del sys.modules["httpx._main"]

PREFIX = "/api/v1"
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 30.0
CHANGE_TIMEOUT = 90.0  # for the answer to a change; Postgres ends a statement after 30 s
READS = ("/query", "/counts", "/footprint", "/failures", "/throughput", "/metrics")
Send = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: method, path, body, and the seconds for it with all its retries."""

    method: str
    path: str
    content: bytes | None = None
    params: Any = None  # a mapping, or pairs where a name occurs twice
    deadline: float = 60.0
    key: str | None = None

    @property
    def mutates(self) -> bool:
        """Whether the call changes data, and so has an Idempotency-Key."""
        return self.method != "GET" and not self.path.endswith(READS)


class Transport:
    """Sends calls to one server. Safe for threads."""

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        http: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        connect_within: float | None = None,
    ) -> None:
        self.base = url.rstrip("/") + PREFIX
        self._token = token
        self._http = http
        self._sleep = sleep
        self._now = now
        self._connect_within = CONNECT_WITHIN if connect_within is None else connect_within
        self._lock = threading.Lock()
        self._is_known, self.last_date = False, ""  # whether Storax has answered, and its header ``Date``
        self._pool: Pool[_Connection] | None = None
        self._close_pool: Callable[[], object] = lambda: None

    def use_token(self, token: str) -> None:
        """Use this token from the next call on."""
        self._token = token

    def call(self, call: Call) -> Reply:
        """Send ``call`` and return the reply; repeat it until its deadline where that may help.

        Raises:
            StoraxError: the server refused it or did not answer.
        """
        if call.mutates and call.key is None:
            call = replace(call, key=str(new_command_id()))
        patience, pool = Patience(call.deadline, self._connect_within, self._now), self._open_pool()
        while True:
            try:
                reply, failure = self._once(call, patience.left, pool), None
            except httpx.TransportError as error:
                reply, failure = None, error
            if reply and not reply.foreign:
                self._is_known, self.last_date = True, reply.headers.get("date", "")
                if reply.status < 400:
                    return reply
            pause = self._pause(patience, reply, failure)
            if pause is None:
                raise self._error(reply, failure, patience)
            self._sleep(pause)

    def _pause(self, patience: Patience, reply: Reply | None, failure: httpx.TransportError | None) -> float | None:
        if reply is None:
            permanent = isinstance(failure, (httpx.UnsupportedProtocol, httpx.LocalProtocolError))
            unreached = isinstance(failure, (httpx.ConnectError, httpx.ConnectTimeout))
            if permanent or failures.is_no_http(failure) or failures.of_tls(failure):
                return None
            mute = isinstance(failure, httpx.RemoteProtocolError) and not self._is_known
            return patience.next_pause(reached=not (unreached or mute))
        if reply.foreign or not is_transient(reply.status):
            return None
        wait = seconds_of(reply.headers.get("retry-after"))
        return patience.next_pause(reached=True, status=reply.status, retry_after=wait)

    def _error(self, reply: Reply | None, failure: httpx.TransportError | None, patience: Patience) -> StoraxError:
        if reply is not None:
            return self._not_storax(reply.foreign) if reply.foreign else problem(reply)
        if untrusted := failures.of_tls(failure):
            server = self.base.removesuffix(PREFIX)
            return ServerDown(f"The server at {server} cannot be trusted: {untrusted.why}.", hint=untrusted.hint)
        return self._unreached(failure, patience)

    def _unreached(self, failure: httpx.TransportError | None, patience: Patience) -> StoraxError:
        server = self.base.removesuffix(PREFIX)
        hint = "Start one with `storax up`, or name another with STORAX_URL or `storax login URL`."
        if isinstance(failure, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
            return InvalidInput(
                f"{server!r} cannot be called: {failure}.", hint="Give an address such as http://host:8360."
            )
        if failures.is_no_http(failure):
            return self._not_storax("it does not speak HTTP")
        took, said = f"tried for {self._now() - patience.started:.0f} s", failures.describe(failure)
        if isinstance(failure, (httpx.ConnectError, httpx.ConnectTimeout)):
            return ServerDown(f"No Storax server answers at {server} ({said}; {took}).", hint=hint)
        if isinstance(failure, httpx.TimeoutException):
            return DeadlineExceeded(f"The server at {server} did not answer in time ({took}).", hint="Try again later.")
        if isinstance(failure, httpx.RemoteProtocolError) and not self._is_known:
            return self._not_storax(f"{said}; {took}")
        return Unavailable(f"The connection to {server} broke ({said}; {took}).", hint="Try again later.")

    def _not_storax(self, why: str) -> NotStorax:
        server = self.base.removesuffix(PREFIX)
        hint = "Check the address: STORAX_URL, the profile, or the argument url."
        return NotStorax(f"What answers at {server} is not a Storax server: {why}.", hint=hint)

    # ---- one exchange ---------------------------------------------------------------------------------------------

    def _once(self, call: Call, left: float, pool: "Pool[_Connection]") -> Reply:
        # A change that is still under way when it is repeated is not made twice, and the repeat waits for it.
        patience = max(1.0, min(left, CHANGE_TIMEOUT if call.mutates else READ_TIMEOUT))
        with self._exchange(self._request(call, read_timeout=patience), pool) as response:
            response.read()
        return Reply(response.status_code, response.headers, response.content)

    def _request(self, call: Call, *, read_timeout: float, headers: Mapping[str, str] | None = None) -> httpx.Request:
        sent = {"accept": "application/json", "user-agent": "storax-python", **(headers or {})}
        if self._token:
            sent["authorization"] = f"Bearer {self._token}"
        if call.content is not None:
            sent["content-type"] = "application/json"
        if call.key:
            sent["idempotency-key"] = call.key
        timeout = {"connect": CONNECT_TIMEOUT, "read": read_timeout, "write": read_timeout, "pool": read_timeout}
        url = self.base + call.path
        return httpx.Request(
            call.method, url, params=call.params, headers=sent, content=call.content, extensions={"timeout": timeout}
        )

    @contextmanager
    def stream(self, call: Call, *, headers: Mapping[str, str], silence: float) -> Iterator[Stream]:
        """Open an endless reply; ``silence`` is the number of seconds without a byte after which it counts as broken.

        Raises:
            StoraxError: the server refused it or does not answer. A stream that breaks raises Unavailable.
        """
        request = self._request(call, read_timeout=silence, headers=headers)
        with self._translated_errors(call), self._exchange(request, self._open_pool()) as response:
            if response.status_code >= 300:
                response.read()
                reply = Reply(response.status_code, response.headers, response.content)
                raise self._not_storax(reply.foreign) if reply.foreign else problem(reply)
            yield Stream(response)

    @contextmanager
    def _translated_errors(self, call: Call) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise self._error(None, error, Patience(call.deadline, now=self._now)) from None

    # ---- connections ----------------------------------------------------------------------------------------------

    @contextmanager
    def _exchange(self, request: httpx.Request, pool: "Pool[_Connection]") -> Iterator[httpx.Response]:
        """Send a request over a connection that is its own until the block ends."""
        try:
            with pool.lend() as connection:
                response = connection.send(request)
                try:
                    yield response
                finally:
                    response.close()
        except httpx.ReadTimeout:
            # The process at the other end may be frozen while others serve, and idle connections may lead to it too.
            pool.close_idle()
            raise

    def _open_pool(self) -> "Pool[_Connection]":
        pool = self._pool
        if pool is None:
            with self._lock:
                pool = self._pool
                if pool is None:
                    pool = self._pool = Pool(self._opener())
                    # A thread may call after the client was closed, as one that fetches the next page; then nobody
                    # closes it again.
                    self._close_pool = finalizer = weakref.finalize(self, pool.close)
                    finalizer.atexit = False  # the client closes it; in a forked child it is the parent's
        return pool

    def _opener(self) -> "Callable[[], _Connection]":
        if self._http is not None:
            http = self._http
            return lambda: _Connection(http.handle_request, lambda: None)
        proxied = is_proxied(self.base)
        # One for all connections: it reads the files of the authorities.
        verify = httpx.create_ssl_context() if proxied or self.base.startswith("https") else False
        return partial(_proxied_connection if proxied else _direct_connection, verify)

    def close(self) -> None:
        """Close the connections; a later call opens new ones, which the next close or the last reference ends."""
        with self._lock:
            close, self._pool = self._close_pool, None
        close()


class _Connection:
    """A transport of httpx with one connection, which it opens anew when the server has closed it.

    A pool of httpx looks through all of its connections at each request, so it gets no more than one.
    """

    __slots__ = ("_close", "_send", "_stream")

    def __init__(self, send: Send, close: Callable[[], None]) -> None:
        self._send, self._close = send, close
        self._stream: Any = None

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the response, whose body is still to be read."""
        response = self._send(request)
        self._stream = response.extensions.get("network_stream")
        return response

    def close(self) -> None:
        """Close the connection, also one that was being opened when the transport was closed, which forgot it."""
        self._close()
        if self._stream is not None:
            self._stream.close()


_ONE = httpx.Limits(max_connections=1, keepalive_expiry=IDLE_SEC)


def _direct_connection(verify: "SSLContext | bool") -> _Connection:
    # Without httpx.Client: no cookies, redirects and hooks, and a third less time a call.
    transport = httpx.HTTPTransport(verify=verify, limits=_ONE, socket_options=SOCKET_OPTIONS)
    return _Connection(transport.handle_request, transport.close)


def _proxied_connection(verify: "SSLContext | bool") -> _Connection:
    client = httpx.Client(verify=verify, limits=_ONE, trust_env=True, follow_redirects=False)

    def send(request: httpx.Request) -> httpx.Response:
        try:
            return client.send(request, stream=True)
        except RuntimeError as error:
            if not client.is_closed:
                raise
            raise httpx.ReadError("the connection was closed", request=request) from error  # by another thread

    return _Connection(send, client.close)

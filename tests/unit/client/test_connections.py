"""The pool of a client's connections: one for each call at once, used again, at the same cost however many there are."""

import gc
import ssl
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from httpcore import ConnectionPool
from httpcore._backends.sync import SyncBackend

from proxy import Proxy
from storax import Client
from storax._runtime.connections.pool import Pool
from storax._runtime.transport import Call
from storax.errors import DeadlineExceeded


class Opened:
    """A connection that knows whether it was closed."""

    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


class Opener:
    """Makes connections and remembers them; its clock moves by hand."""

    def __init__(self):
        self.opened, self.time = [], 0.0
        self.pool = Pool(self.open, idle_sec=30.0, now=lambda: self.time)

    def open(self):
        self.opened.append(Opened())
        return self.opened[-1]

    def at_once(self, calls):
        with ExitStack() as stack:
            return [stack.enter_context(self.pool.lend()) for _ in range(calls)]


@pytest.fixture
def opener():
    return Opener()


def test_calls_at_once_have_a_connection_each_and_calls_in_turn_share_one(opener):
    assert len(set(opener.at_once(3))) == 3
    for _ in range(5):
        opener.at_once(1)
    assert len(opener.opened) == 3


def test_a_connection_that_nobody_needs_any_more_is_closed(opener):
    opener.at_once(3)
    for opener.time in (20.0, 40.0):
        opener.at_once(1)
    assert sum(connection.closed for connection in opener.opened) == 2
    assert opener.at_once(1)[0].closed is False


def test_a_call_that_fails_gives_its_connection_back(opener):
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"), opener.pool.lend():
            raise ValueError("broken")
    assert len(opener.opened) == 1


def test_closing_ends_the_connections_in_use_too_and_a_call_that_goes_on_leaves_none_open(opener):
    opener.at_once(2)
    with opener.pool.lend() as used:
        opener.pool.close()
        assert all(connection.closed for connection in opener.opened)
    again = opener.at_once(1)
    assert again != [used]
    assert len(opener.opened) == 3
    assert all(connection.closed for connection in opener.opened)


# ---- over real sockets ----------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Answers every request once ``at_once`` of them are under way, and counts those of each connection."""

    daemon_threads = True

    def __init__(self, at_once=1):
        super().__init__(("127.0.0.1", 0), Answer)
        self.together = threading.Barrier(at_once)
        self.requests = Counter()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests[self.client_address] += 1
        self.server.together.wait(30)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = self.path.endswith("/last")  # without saying so

    do_POST = do_GET  # noqa: N815  (the name is that of the library)

    def log_message(self, *_):
        pass


def test_no_request_looks_through_the_connections_of_other_threads(monkeypatch):
    """A pool of httpx looks at each of its connections twice a request, so none may have more than one."""
    held = []
    assign = ConnectionPool._assign_requests_to_connections

    def counting(pool):
        held.append(len(pool._connections))
        return assign(pool)

    monkeypatch.setattr(ConnectionPool, "_assign_requests_to_connections", counting)
    with Server(at_once=8) as server, Client(server.url, "t") as client:
        threads = [threading.Thread(target=lambda: [client.call("GET", "/x") for _ in range(5)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(server.requests.values()) == [5] * 8
    assert max(held) == 1


def test_a_connection_that_the_server_closed_is_opened_anew():
    with Server() as server, Client(server.url, "t", deadline=5.0) as client:
        for path in ("/x", "/last", "/x"):
            client.call("POST" if path == "/last" else "GET", path)
    assert sorted(server.requests.values()) == [1, 2]


def test_after_a_silence_no_further_call_meets_a_connection_to_the_same_frozen_process():
    with Server(at_once=3) as server, Proxy(server.url) as balancer, Client(balancer.url, "t") as client:
        call = client.get_transport().call
        with ThreadPoolExecutor(3) as threads:
            at_once = lambda seconds: list(threads.map(call, [Call("GET", "/x", deadline=seconds)] * 3))
            at_once(30.0)
            balancer.stall()
            with pytest.raises(DeadlineExceeded):
                call(Call("GET", "/x", deadline=1.0))
            at_once(60.0)
    assert sorted(server.requests.values()) == [1] * 6


def test_a_call_that_is_repeated_after_the_client_was_closed_leaves_no_connection_open():
    with Server(at_once=2) as server, Client(server.url, "t") as client, ThreadPoolExecutor(1) as threads:
        pool = client.get_transport()._open_pool()
        waiting = threads.submit(client.get_transport().call, Call("GET", "/x", deadline=30.0))
        while not server.requests:
            time.sleep(0.01)
        client.close()
        server.together.reset()  # the first request fails; its repetition waits for this one
        httpx.get(f"{server.url}/x", timeout=30)
        assert waiting.result(30).status == 200
        assert (len(pool._idle), len(pool._lent)) == (0, 0)
        assert client.get_transport()._pool in (None, pool)


@pytest.fixture
def opened_sockets(monkeypatch):
    """The network streams that a client opens."""
    connect, streams = SyncBackend.connect_tcp, []

    def remember(self, *args, **kwargs):
        streams.append(connect(self, *args, **kwargs))
        return streams[-1]

    monkeypatch.setattr(SyncBackend, "connect_tcp", remember)
    return lambda: [stream.get_extra_info("socket") for stream in streams]


def test_a_connection_that_was_being_opened_when_the_client_was_closed_is_closed_after_its_call(
    opened_sockets, monkeypatch
):
    connect, connecting, closed = SyncBackend.connect_tcp, threading.Event(), threading.Event()

    def connect_slowly(self, *args, **kwargs):
        connecting.set()
        assert closed.wait(30)
        return connect(self, *args, **kwargs)

    monkeypatch.setattr(SyncBackend, "connect_tcp", connect_slowly)
    with Server() as server, Client(server.url, "t") as client, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.call, "GET", "/x")
        assert connecting.wait(30)
        client.close()
        closed.set()
        assert waiting.result(30).status == 200
        assert [socket.fileno() for socket in opened_sockets()] == [-1]


def test_a_call_that_begins_after_the_client_was_closed_leaves_no_connection_open_once_the_client_is_dropped(
    opened_sockets,
):
    with Server() as server:
        client = Client(server.url, "t")
        for _ in range(2):
            client.close()
            client.call("GET", "/x")
        before, after = opened_sockets()
        assert before.fileno() == -1 < after.fileno()
        del client
        gc.collect()
        assert after.fileno() == -1


def test_a_call_through_a_proxy_whose_connection_another_thread_closes_is_repeated(monkeypatch):
    send, sending, closed = httpx.Client.send, threading.Event(), threading.Event()

    def send_late(self, *args, **kwargs):
        sending.set()
        assert closed.wait(30)
        return send(self, *args, **kwargs)

    monkeypatch.setattr(httpx.Client, "send", send_late)
    with Server() as proxy, ThreadPoolExecutor(1) as threads:
        monkeypatch.setenv("http_proxy", proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with Client("http://storax.test", "t") as client:
            waiting = threads.submit(client.call, "GET", "/x")
            assert sending.wait(30)
            client.close()
            closed.set()
            assert waiting.result(30).status == 200


def test_the_connections_share_one_list_of_authorities_and_check_certificates_by_it():
    connect = Client("https://storax.test", "t").get_transport()._opener()
    contexts = [connect()._send.__self__._pool._ssl_context for _ in range(2)]
    assert contexts[0] is contexts[1]
    assert contexts[0].verify_mode is ssl.CERT_REQUIRED
    assert contexts[0].check_hostname
    assert contexts[0].cert_store_stats()["x509_ca"] > 0

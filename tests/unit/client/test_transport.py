"""The client's manners: what is tried again and what is not, deadlines, keys, and errors that say what to do."""

import os
import pickle
import socket
import threading
import time

import httpx
import pytest

from fakes.rest import URL, Script, client_of, job, problem
from storax import Client, Job, errors
from storax._runtime import transport
from storax._runtime.retry import Patience, seconds_of
from storax._runtime.transport import Call, Transport


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self):
        self.time = 0.0
        self.naps = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.naps.append(seconds)
        self.time += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def script():
    return Script()


@pytest.fixture
def wire(script, clock):
    return Transport(URL, "stx_test", http=script, sleep=clock.sleep, now=clock.now)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 418, 422, 451])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_call_is_never_repeated(wire, script, clock, status, method):
    script.on(method, "/jobs/5", problem(status, "", "no"))
    with pytest.raises(errors.StoraxError, match="no"):
        wire.call(Call(method, "/jobs/5"))
    assert len(script.requests) == 1
    assert clock.naps == []


TRANSIENT = [
    *((status, {"detail": "busy"}) for status in (408, 425, 429, 500, 502, 503, 504)),
    httpx.ConnectError("refused"),
    httpx.ReadError("reset by peer"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
    httpx.ReadTimeout("timed out"),
]


@pytest.mark.parametrize("answer", TRANSIENT, ids=str)
def test_a_transient_failure_is_repeated_with_the_same_key(wire, script, answer):
    script.on("POST", "/jobs/", answer, answer, (201, job(1)))
    assert wire.call(Call("POST", "/jobs/", b"{}")).status == 201
    keys = {a.headers["idempotency-key"] for a in script.requests}
    assert (len(script.requests), len(keys)) == (3, 1)


HTML = {"Content-Type": "text/html; charset=utf-8"}
NOT_STORAX = [
    *((status, {"x": 1}, HTML) for status in (200, 400, 403, 404, 405, 500, 501, 505)),
    (301, None, {"Location": "https://storax.test/"}),
    httpx.RemoteProtocolError("illegal status line: bytearray(b'SSH-2.0-OpenSSH_9.2')"),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("answer", NOT_STORAX, ids=str)
def test_an_address_where_something_else_answers_is_named_at_once(wire, script, clock, method, answer):
    script.on(method, "/jobs/5", answer)
    with pytest.raises(errors.NotStorax, match=r"http://storax\.test is not a Storax server: it .*STORAX_URL"):
        wire.call(Call(method, "/jobs/5"))
    assert (len(script.requests), clock.naps) == (1, [])


def test_a_server_that_closes_every_connection_is_given_up_as_soon_as_one_that_is_down(wire, script, clock):
    script.on("GET", "/x", httpx.RemoteProtocolError("Server disconnected without sending a response."))
    with pytest.raises(errors.NotStorax, match="is not a Storax server: disconnected"):
        wire.call(Call("GET", "/x"))
    assert 8 <= clock.time <= 10


@pytest.mark.parametrize("status", [502, 503, 504, 522])
def test_a_gateway_whose_server_is_down_for_a_moment_is_asked_again(wire, script, status):
    script.on("GET", "/x", (status, {}, HTML), {"ok": 1})
    assert wire.call(Call("GET", "/x")).json() == {"ok": 1}


def test_reads_carry_no_key_and_writes_one_each(wire, script):
    script.on("POST", "/jobs/query", {}).on("POST", "/jobs/counts", {}).on("GET", "/jobs/1", {}).on(
        "POST", "/jobs/", {}
    )
    for call in (Call("POST", "/jobs/query", b"{}"), Call("POST", "/jobs/counts", b"{}"), Call("GET", "/jobs/1")):
        wire.call(call)
    assert not any("idempotency-key" in a.headers for a in script.requests)
    wire.call(Call("POST", "/jobs/", b"{}"))
    wire.call(Call("POST", "/jobs/", b"{}", key="k1"))
    one, two = (a.headers["idempotency-key"] for a in script.requests[-2:])
    assert len(one) == 36
    assert two == "k1"


def test_retry_after_is_honoured(wire, script, clock):
    script.on("GET", "/x", (503, {}, {"Retry-After": "7"}), (429, {}, {"Retry-After": "3"}), {"ok": 1})
    assert wire.call(Call("GET", "/x")).json() == {"ok": 1}
    assert clock.naps == [7.0, 3.0]


def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once(wire, script, clock):
    script.on("GET", "/x", (429, {"detail": "slow down", "code": "too_many"}, {"Retry-After": "600"}))
    with pytest.raises(errors.Unavailable, match="slow down") as caught:
        wire.call(Call("GET", "/x", deadline=60))
    assert (clock.naps, caught.value.retry_after) == ([], 600.0)


@pytest.mark.parametrize("answer", [(503, {"detail": "busy"}), httpx.ReadError("reset")], ids=str)
def test_there_is_always_a_deadline(wire, script, clock, answer):
    script.on("GET", "/x", answer)
    with pytest.raises(errors.Unavailable):
        wire.call(Call("GET", "/x", deadline=30))
    assert 25 <= clock.time <= 30
    assert all(nap <= 2 for nap in clock.naps)
    assert len(clock.naps) < 60


def test_a_server_fault_is_repeated_a_few_times_only(wire, script, clock):
    script.on("GET", "/x", (500, {"detail": "an error on our side", "request_id": "r9"}))
    with pytest.raises(errors.Unavailable, match="our side") as caught:
        wire.call(Call("GET", "/x"))
    assert len(script.requests) == 4
    assert (caught.value.request_id, caught.value.status) == ("r9", 500)


def test_a_server_that_is_down_is_one_clear_sentence(wire, script, clock):
    script.on("GET", "/x", httpx.ConnectError("[Errno 111] Connection refused"))
    with pytest.raises(errors.ServerDown) as caught:
        wire.call(Call("GET", "/x"))
    assert 8 <= clock.time <= 10
    message = str(caught.value)
    assert message.startswith("No Storax server answers at http://storax.test (connection refused; tried for ")
    assert message.endswith("Start one with `storax up`, or name another with STORAX_URL or `storax login URL`.")
    assert isinstance(caught.value, ConnectionError)


def test_a_server_that_comes_back_is_reached(wire, script, clock):
    down = httpx.ConnectError("refused")
    script.on("GET", "/x", *[down] * 5, {"ok": 1})
    assert wire.call(Call("GET", "/x")).json() == {"ok": 1}
    assert clock.time < 3


def test_an_address_that_is_none_fails_at_once():
    with pytest.raises(errors.InvalidInput, match="cannot be called"):
        Transport("storax.test", "t").call(Call("GET", "/x"))


def test_a_slow_server_and_one_that_is_down_raise_different_errors(wire, script):
    script.on("GET", "/x", httpx.ReadTimeout("timed out"))
    with pytest.raises(errors.DeadlineExceeded, match="did not answer in time") as caught:
        wire.call(Call("GET", "/x", deadline=3))
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthorized", errors.Unauthorized),
        (404, "not_found", errors.NotFound),
        (409, "illegal_move", errors.IllegalMove),
        (409, "stale_version", errors.StaleVersion),
        (409, "leased", errors.Leased),
        (409, "conflict", errors.Conflict),
        (409, "something_new", errors.Conflict),
        (413, "too_large", errors.TooLarge),
        (422, "invalid", errors.InvalidInput),
        (422, "key_reused", errors.InvalidInput),
        (405, "method_not_allowed", errors.InvalidInput),
    ],
)
def test_each_code_is_an_error_of_the_tree(wire, script, status, code, kind):
    answer = problem(
        status, code, "what happened", hint="Do this.", request_id="r1", errors=[{"loc": ["x"], "msg": "bad"}]
    )
    script.on("GET", "/x", answer)
    with pytest.raises(errors.StoraxError) as caught:
        wire.call(Call("GET", "/x"))
    error = caught.value
    assert type(error) is kind
    assert (error.hint, error.request_id, error.code, error.status) == ("Do this.", "r1", code, status)
    assert error.errors == [{"loc": ["x"], "msg": "bad"}]
    assert str(error) == "what happened. Do this."


def test_an_answer_that_is_no_problem_document_is_still_an_error(wire, script):
    script.on("GET", "/x", httpx.Response(404, content=b"<html>", headers={"X-Request-ID": "r2"}))
    with pytest.raises(errors.NotFound, match="answered 404 without saying why") as caught:
        wire.call(Call("GET", "/x"))
    assert caught.value.request_id == "r2"


def test_being_refused_says_how_to_log_in(wire, script):
    script.on("GET", "/x", problem(401, "unauthorized", "the token has expired"))
    with pytest.raises(errors.Unauthorized, match=r"has expired. Log in with `storax login URL`"):
        wire.call(Call("GET", "/x"))


def test_errors_survive_a_process_border():
    error = errors.from_answer(409, {"detail": "no", "code": "leased", "hint": "h", "request_id": "r"})
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.request_id, back.status) == (errors.Leased, "no. h", "r", 409)


def test_the_tree_is_drawn_as_it_is():
    drawn = errors.__doc__ or ""
    for name in vars(errors):
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, errors.StoraxError):
            assert name in drawn, name


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5.0), ("0.5", 0.5), ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0), ("soon", None), (None, None)],
)
def test_retry_after_comes_as_a_number_or_a_date(text, seconds):
    assert seconds_of(text, wall=lambda: 60.0) == seconds


def test_pauses_grow_and_are_spread():
    patience = Patience(1e6, now=lambda: 0.0, noise=lambda: 1.0)
    assert [patience.next_pause(reached=True) for _ in range(7)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    patience = Patience(1e6, now=lambda: 0.0, noise=lambda: 0.0)
    assert patience.next_pause(reached=True) == 0.025


# ---- over real sockets ----------------------------------------------------------------------------------------------


class Rude:
    """A server that does to each connection what the script says: hangs up, or answers."""

    def __init__(self, *acts):
        self.acts = list(acts)
        self.requests = []
        self.held = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
        self._socket.close()
        self._thread.join(60)
        for conn in self.held:
            conn.close()

    def _run(self):
        for act in self.acts:
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(5)
                text = conn.recv(65_536)
                self.requests.append(text)
                if act == "hang up":
                    continue
                if act == "say nothing":
                    self.held.append(conn.dup())
                    continue
                conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(act), act))


def test_a_truncated_reply_is_requested_again():
    with Rude("hang up", b'{"id": 7}') as server, Client(server.url, "t") as client:
        assert client.request("POST", "/jobs/", {"a": 1}) == {"id": 7}
    first, second = (
        [line for line in text.split(b"\r\n") if line.startswith(b"idempotency-key")] for text in server.requests
    )
    assert first == second
    assert len(first) == 1


def test_a_change_whose_answer_never_comes_is_repeated_with_its_key_long_before_its_deadline(monkeypatch):
    monkeypatch.setattr(transport, "CHANGE_TIMEOUT", 1.0)
    with Rude("say nothing", b'{"id": 7}') as server, Client(server.url, "t", deadline=3600.0) as client:
        assert client.request("POST", "/jobs/", {"a": 1}) == {"id": 7}
    first, second = (
        [line for line in text.split(b"\r\n") if line.startswith(b"idempotency-key")] for text in server.requests
    )
    assert first == second
    assert len(first) == 1


def test_the_kernel_probes_a_connection_that_is_silent():
    with Rude(b"{}") as server:
        wire = Transport(server.url, "t")
        request = wire._request(Call("GET", "/x"), read_timeout=5)
        with wire._exchange(request, wire._open_pool()) as answer:
            connection = answer.extensions["network_stream"].get_extra_info("socket")
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        wire.close()


def test_nobody_at_home_ends_within_the_time_given(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setattr(transport, "CONNECT_WITHIN", 3600.0)
    begun = time.monotonic()
    with (
        Client(f"http://127.0.0.1:{port}", "t", connect_within=0.4, deadline=3600.0) as client,
        pytest.raises(errors.ServerDown, match="refused"),
    ):
        client.request("GET", "/jobs/1")
    assert time.monotonic() - begun < 60


def test_a_proxy_is_never_used_for_this_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Rude(b"{}") as server, Client(server.url, "t") as client:
        assert client.request("GET", "/x") == {}


def test_a_forked_child_speaks_over_connections_of_its_own():
    with Rude(b"{}", b"{}", b"{}") as server, Client(server.url, "t") as client:
        client.request("GET", "/parent")
        child = os.fork()
        if child == 0:
            try:
                client.request("GET", "/child")
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        client.request("GET", "/parent")
    assert [r.split()[1] for r in server.requests] == [b"/api/v1/parent", b"/api/v1/child", b"/api/v1/parent"]


def test_the_token_travels_in_the_header_alone(script):
    script.on("POST", "/jobs/", (201, job(1)))
    with client_of(script) as client:
        Job(app_id=1, workdir="a").save()
        assert script.last.headers["authorization"] == "Bearer stx_test"
        assert "stx_test" not in repr(client)

"""A server behind TLS: clients and agents call it where they trust its certificate, and else say at once why not."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from fakes.terminal import Terminal
from proxy import Proxy
from storax import Client, EventLog, Job
from storax.errors import ServerDown
from storax_agent.server.connection import Connection
from world import User, World

Serve = Callable[..., str]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file of the one authority that this process trusts."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return str(file)


@pytest.fixture
def serve(world: World, authority: trustme.CA) -> Iterator[Serve]:
    """Return the address of the server behind a certificate for these names."""
    with ExitStack() as stack:

        def start(*names: str, signer: trustme.CA = authority, **issued: Any) -> str:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            signer.issue_cert(*names, **issued).configure_cert(context)
            return stack.enter_context(Proxy(world.url, tls=context)).url

        yield start


def long_ago() -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"not_before": now - timedelta(days=9), "not_after": now - timedelta(days=1)}


REFUSED: dict[str, tuple[Callable[[Serve], str], str]] = {
    "of a strange authority": (lambda serve: serve("127.0.0.1", signer=trustme.CA()), "unable to get local issuer"),
    "of another host": (lambda serve: serve("elsewhere.example"), "not valid for '127.0.0.1'"),
    "that has expired": (lambda serve: serve("127.0.0.1", **long_ago()), "certificate has expired"),
}


def test_a_server_whose_certificate_is_trusted_is_called(trusted: str, serve: Serve, user: User) -> None:
    url = serve("127.0.0.1")
    with Client(url, user.token):
        assert Job.objects.count() == 0
        with EventLog.objects.stream(after=0) as events:
            assert next(events).position > 0
    with closing(Connection(url, user.token)) as agent:
        assert agent.get("/auth/me")["username"] == user.name


@pytest.mark.parametrize("kind", REFUSED)
def test_a_certificate_that_is_not_trusted_is_refused_at_once(
    trusted: str, serve: Serve, user: User, kind: str
) -> None:
    """By calls, streams and agents alike, before the token is sent."""
    make, why = REFUSED[kind]
    url = make(serve)
    with Client(url, user.token), closing(Connection(url, user.token)) as agent:
        calls: list[Callable[[], object]] = [
            lambda: Job.objects.count(),
            lambda: next(iter(EventLog.objects.stream(after=0, on_outage=_end))),
            lambda: agent.get("/auth/me"),
        ]
        for call in calls:
            began = time.monotonic()
            with pytest.raises(ServerDown, match="certificate was refused") as refusal:
                call()
            assert why in str(refusal.value)
            assert "SSL_CERT_FILE" in str(refusal.value)
            assert time.monotonic() - began < 5


def _end(error: Exception) -> None:
    raise error


def test_the_command_line_names_the_way_out(trusted: str, serve: Serve, user: User) -> None:
    terminal = Terminal(STORAX_URL=serve("elsewhere.example"), STORAX_TOKEN=user.token, SSL_CERT_FILE=trusted)
    ran = terminal("job", "ls")
    assert ran.returncode != 0
    assert "certificate was refused" in ran.stderr
    assert "SSL_CERT_FILE" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_https_at_a_server_without_tls_is_told_apart(trusted: str, world: World, user: User) -> None:
    began = time.monotonic()
    with Client(world.url.replace("http://", "https://"), user.token), pytest.raises(ServerDown) as refusal:
        Job.objects.count()
    assert "does not speak TLS" in str(refusal.value)
    assert "http://" in str(refusal.value)
    assert time.monotonic() - began < 5

"""Webhooks reach public addresses alone, and the address that was checked is the one that is connected to."""

import asyncio
import socket
import threading
from typing import Any

import httpcore
import pytest

from fakes.receiver import Receiver
from storax_workers.webhooks.addresses import CheckedNetwork, PrivateAddress, is_public
from storax_workers.webhooks.sender import Sender


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1", "2002:101:101::1"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2001:db8::1", "240.0.0.1",
        "fec0::1", "3fff::1", "5f00::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


class Names:
    """A resolver whose name has another address each time that it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.queries, self.answers = 0, answers
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: str, port: int, **_: Any) -> list[Any]:
        addresses = self.answers[min(self.queries, len(self.answers) - 1)]
        self.queries += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


class Connected(Exception):
    """Tells the address that was to be connected to."""


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(_: Any, host: str, port: int, *_rest: Any) -> Any:
        raise Connected(host)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)


def test_a_name_that_changes_its_address_is_resolved_once_for_a_connection(
    monkeypatch: pytest.MonkeyPatch, connections: None
) -> None:
    names = Names(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    with pytest.raises(Connected, match=r"1\.1\.1\.1"):
        asyncio.run(CheckedNetwork(private=False).connect_tcp("rebound.example", 443))
    assert names.queries == 1
    with pytest.raises(PrivateAddress, match="not public"):
        asyncio.run(CheckedNetwork(private=False).connect_tcp("rebound.example", 443))


def test_one_private_address_among_several_is_enough_to_refuse_a_name(
    monkeypatch: pytest.MonkeyPatch, connections: None
) -> None:
    Names(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(PrivateAddress, match=r"mixed\.example has an address that is not public") as refused:
        asyncio.run(CheckedNetwork(private=False).connect_tcp("mixed.example", 443))
    assert "10.0.0.1" not in str(refused.value), "a user learns no address of the server's network"
    with pytest.raises(Connected):
        asyncio.run(CheckedNetwork(private=True).connect_tcp("mixed.example", 443))


def test_a_message_goes_to_the_checked_address_under_the_name_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    async def post(url: str) -> Any:
        sender = Sender(private=True, timeout_sec=60)
        try:
            return await sender.post(url, {"x-test": "1"}, b"{}")
        finally:
            await sender.close()

    with Receiver() as receiver:
        Names(monkeypatch, ["127.0.0.1"])
        url = receiver.url.replace("127.0.0.1", "receiver.example")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        assert asyncio.run(post(url)).problem == ""
        (got,) = receiver.deliveries
        assert got.headers["host"].startswith("receiver.example:")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/", "http://no such host/"])
def test_whatever_keeps_a_message_from_its_receiver_is_an_outcome(url: str) -> None:
    async def post() -> Any:
        sender = Sender(private=True, timeout_sec=60)
        try:
            return await sender.post(url, {}, b"{}")
        finally:
            await sender.close()

    assert asyncio.run(post()).problem


def test_names_whose_servers_do_not_answer_hold_up_no_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    connecting: list[str] = []
    connect = CheckedNetwork.connect_tcp

    async def counted(self: CheckedNetwork, host: str, *rest: Any, **options: Any) -> Any:
        connecting.append(host)
        return await connect(self, host, *rest, **options)

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        if host.startswith("silent"):
            answered.wait(120)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async def post(url: str) -> Any:
        sender = Sender(private=True, timeout_sec=600)
        silent = [asyncio.create_task(sender.post(f"http://silent-{n}.example/", {}, b"{}")) for n in range(40)]
        try:
            while len(connecting) < len(silent):
                await asyncio.sleep(0.01)
            async with asyncio.timeout(60):
                return await sender.post(url, {}, b"{}")
        finally:
            for task in silent:
                task.cancel()
            answered.set()
            await asyncio.wait(silent)
            await sender.close()

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(CheckedNetwork, "connect_tcp", counted)
    with Receiver() as receiver:
        assert asyncio.run(post(receiver.url.replace("127.0.0.1", "quick.example"))).problem == ""


@pytest.mark.parametrize(("status", "problem"), [(200, ""), (500, "the receiver answered 500 Internal Server Error")])
def test_the_status_of_an_answer_counts_though_its_body_breaks_off(status: int, problem: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(b"HTTP/1.1 %d ?\r\ncontent-length: 10\r\n\r\nabc" % status)
        writer.close()

    async def post() -> Any:
        sender = Sender(private=True, timeout_sec=60)
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            outcome = await sender.post(f"http://127.0.0.1:{port}/", {}, b"{}")
            await sender.close()
            return outcome

    assert asyncio.run(post()).problem == problem

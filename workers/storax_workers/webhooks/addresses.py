"""The network that webhooks may reach: public addresses alone, unless the operator allows private ones.

A name is resolved once for each connection, and the address that was checked is the one that is connected to. So a name
that has another address a moment later reaches nothing else. No proxy of the environment is used.
"""

import asyncio
import logging
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import anyio
import anyio.to_thread
import httpcore

log = logging.getLogger("storax.webhooks")
NAT64 = IPv6Network("64:ff9b::/96")  # an address of IPv4 is in its last 32 bits
# Not public either, whatever the version of Python says: site-local addresses, those of documentation, segment routing.
NOT_PUBLIC = tuple(IPv6Network(text) for text in ("fec0::/10", "3fff::/20", "5f00::/16"))
RESOLVED_AT_ONCE = 64  # names
MOST_TRIED = 4  # addresses of one name


class PrivateAddress(Exception):
    """A name has an address that is not public."""


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet; of one that carries another, both count."""
    address = ip_address(text.partition("%")[0])
    inner = _carried(address) if isinstance(address, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    if isinstance(address, IPv6Address) and any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the address of IPv4 that one of IPv6 stands for."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to public addresses; with ``private`` to all."""

    def __init__(self, *, private: bool) -> None:
        self._private = private
        self._network = httpcore.AnyIOBackend()
        self._resolving = anyio.CapacityLimiter(RESOLVED_AT_ONCE)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers. Raises PrivateAddress, or ConnectError."""
        addresses = await self._addresses(host, port)
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            answers = await self._resolved(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} has no address: {error}") from error
        addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        for address in addresses:
            if not self._private and not is_public(address):
                log.warning("%s has the address %s, which is not public", host, address)
                raise PrivateAddress(  # a user is not told the addresses of names that only this network knows
                    f"{host} has an address that is not public; the operator allows such addresses with"
                    " STORAX_WEBHOOK_PRIVATE_ADDRESSES=true"
                )
        return addresses[:MOST_TRIED]

    async def _resolved(self, host: str, port: int) -> list[Any]:
        """Resolve a name in a thread that nobody waits for once the attempt is over.

        The threads of the event loop are few: names whose servers do not answer would hold up all others.
        """

        def resolve() -> list[Any]:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)

        return await anyio.to_thread.run_sync(resolve, abandon_on_cancel=True, limiter=self._resolving)

    async def sleep(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

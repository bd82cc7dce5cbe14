"""The slow-down of failed logins: after some, each further one waits longer, whether the account exists or not."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import NamedTuple

from fastapi import Request

from storax_core.database.login_failures import KEPT_SEC, Failures
from storax_core.errors import TooManyLogins

KEPT = 10_000  # counts in memory
AT_ONCE = 32  # logins of one key that are being checked
IPV6_PREFIX = 64  # one household or machine has them all


class Limit(NamedTuple):
    """Failures without a pause, and the longest pause in seconds."""

    free: int
    longest_sec: float


# Of one account from one address; of one account; of one address, behind which there may be many people.
LIMITS = {"both": Limit(5, 300.0), "account": Limit(50, 30.0), "address": Limit(100, 60.0)}


@dataclass
class Count:
    """The failures of one key, the logins that are being checked, and until when (monotonic) there may be no other."""

    failures: int = 0
    running: int = 0
    until: float = 0.0
    failed_at: float = 0.0


def _pause(kind: str, failures: int) -> float:
    """Return the seconds after that many failures of a key until the next login."""
    over = failures - LIMITS[kind].free
    return min(2.0 ** min(over, 30), LIMITS[kind].longest_sec) if over >= 0 else 0.0


class Attempt:
    """One login that is being checked. ``keys`` are those of its failures that all API processes share, by kind."""

    def __init__(self, keys: Mapping[str, str], counts: dict[str, Count], now: Callable[[], float]) -> None:
        self.keys, self._counts, self._now = keys, counts, now

    def learn(self, shared: Mapping[str, Failures]) -> None:
        """Take over what other processes have counted. Raises TooManyLogins where this login has to wait for it."""
        now = self._now()
        for kind, count in self._counts.items():
            others = shared.get(self.keys[kind])
            if others and others.number > count.failures:
                count.failures, count.failed_at = others.number, now - others.age_sec
                count.until = count.failed_at + _pause(kind, count.failures)
        if (wait := max(count.until for count in self._counts.values()) - now) > 0:
            raise TooManyLogins(ceil(wait))

    def fail(self) -> None:
        """Count a wrong password."""
        now = self._now()
        for kind, count in self._counts.items():
            count.failures, count.failed_at = count.failures + 1, now
            count.until = max(count.until, now + _pause(kind, count.failures))

    def succeed(self) -> None:
        """Forget the failures of this account from this address."""
        self._counts["both"].failures = 0


class LoginThrottle:
    """Counts failed logins, with bounded memory; ``now`` is a monotonic clock in seconds.

    Each attempt learns what other processes have counted; those under way are counted by each process for itself.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: OrderedDict[tuple[str, str, str], Count] = OrderedDict()

    @contextmanager
    def attempt(self, account: str, address: str) -> Iterator[Attempt]:
        """Check one login in this block. Raises TooManyLogins where it has to wait."""
        keys = {"both": (account, address), "account": (account, ""), "address": ("", address)}
        counts = {kind: self._count((kind, *key)) for kind, key in keys.items()}
        if wait := max(self._wait(kind, count) for kind, count in counts.items()):
            raise TooManyLogins(ceil(wait))
        for count in counts.values():
            count.running += 1
        try:
            yield Attempt({kind: _digest(kind, *key) for kind, key in keys.items()}, counts, self._now)
        finally:
            for count in counts.values():
                count.running -= 1

    def _wait(self, kind: str, count: Count) -> float:
        """Seconds until the next login of a key; 0 where it may come now."""
        if count.running >= (1 if count.failures >= LIMITS[kind].free else AT_ONCE):
            return 1.0
        return max(0.0, count.until - self._now())

    def _count(self, key: tuple[str, str, str]) -> Count:
        count = self._kept.pop(key, None)
        if count is None or (not count.running and self._now() - count.failed_at > KEPT_SEC):
            count = Count()
        self._kept[key] = count
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return count


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()


def address_of(request: Request) -> str:
    """Return the address of the caller, of IPv6 its network; behind a trusted proxy it is the one that this names."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:100]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> (128 - IPV6_PREFIX) << (128 - IPV6_PREFIX)))
    return str(address)

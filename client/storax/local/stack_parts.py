"""One process of a stack, as data: its command, its dependencies, and the checks that it runs."""

import hashlib
import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from storax.local.processes.ordinary import OrdinaryUser

_OURSELVES = OrdinaryUser()


def _nothing() -> None:
    return None


def _always() -> bool:
    return True


def never() -> bool:
    """Return False; for ``skip``: the part always has something to do."""
    return False


def _no_text(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Part:
    """A process that the supervisor keeps running or, with ``once``, a command that it waits for.

    Attributes:
        name: Its name for people, and that of its log file.
        argv: The command.
        environment: Returns the variables to add to the environment; called at every start.
        clean: Whether to start from a minimal environment instead of the supervisor's.
        user: The user to run it as when the supervisor is root.
        input: Text of its standard input.
        needs: Names of the parts that must be ready before every start.
        once: Whether it is a command that ends; it is ready when it ended with status 0.
        skip: Returns whether it has nothing to do; called when ``needs`` are ready.
        before: Called right before every start.
        after: Called with the output of a ``once`` command that ended with status 0.
        ready: Returns whether it serves.
        settle: Seconds that it must have run to count as ready; for parts without another sign.
        alive: Returns whether a process of an earlier supervisor may be adopted.
        retry: Returns whether a failure at the start may pass with another try, judged by the end of the log.
        patience: Seconds from the first start within which such tries are made.
        timeout: Seconds within which it must be ready at the start of the stack.
        signal: Number of the signal that stops it.
        grace: Seconds between that signal and SIGQUIT.
        rank: Parts stop in rising order of rank.
        address: Where it listens, as host:port.
    """

    name: str
    argv: tuple[str, ...]
    environment: Callable[[], Mapping[str, str]] = dict
    clean: bool = False
    user: OrdinaryUser = _OURSELVES
    input: str = ""
    needs: tuple[str, ...] = ()
    once: bool = False
    skip: Callable[[], bool] = never
    before: Callable[[], None] = _nothing
    after: Callable[[str], None] | None = None
    ready: Callable[[], bool] = _always
    settle: float = 0.0
    alive: Callable[[], bool] = _always
    retry: Callable[[str], bool] = _no_text
    patience: float = 15.0
    timeout: float = 180.0  # on a machine that is busy it takes most of a minute
    signal: int = signal.SIGTERM
    grace: float = 10.0
    rank: int = 1
    address: str = ""

    def fingerprint(self, version: str) -> str:
        """Return a digest of command, environment and version: a process with another one is not adopted."""
        identity = json.dumps([version, self.argv, sorted(self.environment().items())])
        return hashlib.sha256(identity.encode()).hexdigest()

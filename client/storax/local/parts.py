"""One process of a stack, as data: what to run, after what, and how to know that it runs."""

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
    """For ``skip``: there is always something to do."""
    return False


def _no_text(_: str) -> bool:
    return False


@dataclass(frozen=True)
class Part:
    """A process the supervisor keeps running, or with ``once`` a command it waits for.

    Attributes:
        name: shown to people; names the log file.
        argv: the command.
        environment: variables to set beside our own, asked for at every start.
        clean: start from a minimal environment in place of ours.
        user: how to run it when we are root.
        input: text it reads from its standard input.
        needs: parts that must be ready before it starts, and before it starts again.
        once: a command that ends; it is ready when it ended with 0.
        skip: whether it has nothing to do; asked when its turn comes.
        before: called right before every start.
        after: called with the output of a ``once`` command that ended well.
        ready: whether it does its work.
        settle: seconds it must have run to count as ready; for parts that have no other sign.
        alive: whether a process found running from before may be adopted.
        retry: whether a failure at the start, given the end of its log, is worth another try within ``patience``.
        patience: seconds such tries may go on.
        timeout: seconds it may take to be ready at the start of the stack.
        signal: asks it to stop.
        grace: seconds it is given to stop.
        rank: parts stop in rising order of rank.
        address: where it listens, as host:port.
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
    timeout: float = 60.0
    signal: int = signal.SIGTERM
    grace: float = 10.0
    rank: int = 1
    address: str = ""

    def fingerprint(self, version: str) -> str:
        """Digest of what runs: a process of another command, environment or version is not adopted."""
        words = json.dumps([version, self.argv, sorted(self.environment().items())])
        return hashlib.sha256(words.encode()).hexdigest()

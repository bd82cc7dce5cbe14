"""Where a storm takes place: a real stack with its site, and a second site behind a bad network."""

import contextlib
import os
import random
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos.kit import clock, partition
from chaos.kit.load import app_class
from chaos.kit.network import Network
from fakes.disk import SmallDisk, small_disk
from fakes.site import RunningSite
from storax import Client
from storax.local import LocalStack
from storax_agent.files.locks import holder
from storax_agent.settings.site import SiteFolder

DISK_MIB = 256
YEAR_SEC = 365 * 86_400
CLOCKS_SEC = (0, 10 * YEAR_SEC, -10 * YEAR_SEC, 3600, -3600)
SITES = ("local", "away")


class Stage:
    """A stack with the sites ``local`` and ``away``, each with the App of the load.

    Args:
        folder: Holds everything.
        rng: Draws the clock of the site ``away`` and the faults of its network.
        privileged: Whether to mount a disk, make a link and skew a clock, as far as this machine allows it.
        say: Gets a line where something is not as asked.
    """

    disk: SmallDisk | None = None
    link: partition.Partition | None = None

    def __init__(self, folder: Path, rng: random.Random, *, privileged: bool, say: Callable[[str], object]) -> None:
        self.folder, self._rng, self._privileged, self._say = folder, rng, privileged, say
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self.stack = exits.enter_context(LocalStack(self.folder / "stack", port=_own_port()))
            self.database_url = self.stack.administrator_url
            (self.folder / "away").mkdir()
            host = self._use_privileges(exits) if self._privileged else "127.0.0.1"
            self.network = exits.enter_context(Network(self.stack.url, self._rng, host=host))
            self.away = self._make_away()
            exits.callback(self.away.close)
            self.away.start()
            with Client(self.stack.url, self.stack.token, connect_within=60):
                for site in SITES:
                    app_class(site).sync()
            self._exits = exits.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._exits.close()

    def _use_privileges(self, exits: ExitStack) -> str:
        """Mount a disk and make a link. Returns the address at which the network is to listen."""
        if os.geteuid() == 0:
            self.disk = exits.enter_context(small_disk(self.folder / "away", mib=DISK_MIB))
        if not partition.allowed():
            self._say("no network namespaces here: links stay whole")
            return "127.0.0.1"
        self.link = exits.enter_context(partition.Partition())
        return self.link.host

    def _make_away(self) -> RunningSite:
        site = RunningSite(self.folder / "away", self.stack.url, token=self.stack.token, name="away", slots=2)
        site.folder.settings_file.write_text(
            site.folder.settings_file.read_text().replace(self.stack.url, self.network.url)
        )
        skew = self._rng.choice(CLOCKS_SEC) if self._privileged and clock.allowed() else 0
        site.environment = clock.skewed(skew, self.folder) if skew else {}
        self._say(f"the clock of the site away is wrong by {skew} s")
        site.prefix = self.link.prefix if self.link else ()
        return site

    def pids(self) -> dict[str, int]:
        """Pids of the processes that can be killed, by name; those that do not run are missing."""
        agent = self.away.agent
        launcher = holder(SiteFolder(self.stack.site_dir).state / "launcher.lock")
        others = {"launcher": launcher, "away launcher": self.away.launcher, "away": agent and agent.pid}
        return {**self.stack.pids, **{name: pid for name, pid in others.items() if pid}}

    def heal(self) -> None:
        """Undo every fault and start what is dead."""
        self.network.rate = 0.0
        self.network.heal()
        if self.link:
            self.link.heal()
        if self.disk:
            self.disk.empty()
        self.stack.start()
        if self.away.agent is None or self.away.agent.poll() is not None:
            self.away.start()


def _own_port() -> int:
    """A free port that no other stack takes while the API is down: those take the first free one from 8360."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.SystemRandom().randrange(10_000, 30_000)))
            return int(probe.getsockname()[1])

"""A network namespace whose only link can be taken down, so that packets vanish without a word; root only."""

import itertools
import os
import shutil
import subprocess
from types import TracebackType
from typing import Self

_serial = itertools.count(1)


def allowed() -> bool:
    """Whether this process may make network namespaces: root, with the program ``ip`` and the right to."""
    if os.geteuid() != 0 or shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        return False
    name = f"storax-probe-{os.getpid()}"
    exists = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if exists:
        subprocess.run(["ip", "netns", "delete", name], check=True)
    return exists


class Partition:
    """A namespace with one link to this machine.

    Attributes:
        host: Address of this machine as seen from inside.
        prefix: The words before a command that runs it inside.
    """

    def __init__(self) -> None:
        number = next(_serial)
        self.name = f"storax-{os.getpid()}-{number}"
        self._link = f"stx{os.getpid() % 10**7}-{number}"
        net = f"10.{200 + os.getpid() % 50}.{number}"
        self.host, self._inside = f"{net}.1", f"{net}.2"
        self.prefix = ("ip", "netns", "exec", self.name)

    def __enter__(self) -> Self:
        peer = f"{self._link}p"
        _ip("netns", "add", self.name)
        _ip("link", "add", self._link, "type", "veth", "peer", "name", peer, "netns", self.name)
        _ip("address", "add", f"{self.host}/24", "dev", self._link)
        _ip("-n", self.name, "address", "add", f"{self._inside}/24", "dev", peer)
        for device in ("lo", peer):
            _ip("-n", self.name, "link", "set", device, "up")
        self.heal()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _ip("netns", "delete", self.name)

    def cut(self) -> None:
        """Let every packet vanish."""
        _ip("link", "set", self._link, "down")

    def heal(self) -> None:
        """Carry packets again."""
        _ip("link", "set", self._link, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)

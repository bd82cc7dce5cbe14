"""A node's end of the runner's line to it: ``bridge NODE STATE DATA LOG`` joins stdin and stdout to its launcher.

Why pipes. The batch system's own remote start (srun, blaunch, qrsh) or ssh has proved who is who and gives a stream in
both directions, so there is no port that others on the machine could reach, no secret to keep, and nothing of ours to
get wrong. When the runner, the network or the node goes, the stream ends, and both sides know.

The launcher keeps its socket and journal in a folder of the node's own, for neither belongs on a shared file system.
This process holds no state: when it is killed the runner starts another, which finds the launcher where it was.
"""

import hashlib
import os
import select
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from storax_agent.launchers.starting import START_SEC, Starter

BLOCK = 1 << 16


def private_folder(node: str, state: str) -> Path:
    """The folder of one node of one allocation, below the machine's folder for temporary files.

    Raises:
        PermissionError: somebody else made a folder of that name, or others may enter it.
    """
    place = Path(tempfile.gettempdir()) / f"storax-{os.geteuid()}"
    name = hashlib.sha256(f"{state}\0{node}".encode()).hexdigest()[:20]
    for folder in (place, place / name):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o077 or folder.is_symlink():
            raise PermissionError(f"{folder} is not a private folder of this user; remove it, or set TMPDIR")
    return place / name


def pump(launcher: socket.socket) -> None:
    """Pass bytes on in both directions until either side ends."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(launcher, select.POLLIN)
    while True:
        for handle, _ in poll.poll():
            block = os.read(handle, BLOCK)
            if not block:
                return
            if handle == 0:
                launcher.sendall(block)
            else:
                _write(block)


def _write(block: bytes) -> None:
    while block:
        block = block[os.write(1, block) :]


def main(arguments: Sequence[str]) -> int:
    """Join the two; ends with the first of them."""
    node, state, data, log = arguments
    starter = Starter(private_folder(node, state), Path(data), Path(log))
    with starter.connect(time.monotonic() + START_SEC) as launcher:
        try:
            pump(launcher)
        except OSError:  # one side broke off in the middle of a block
            return 1
    starter.wait_for_end()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

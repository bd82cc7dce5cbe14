"""A node's end of the runner's line to it: ``bridge NODE STATE DATA LOG`` joins stdin and stdout to its launcher.

Why pipes. The batch system's own remote start (srun, blaunch, qrsh) or ssh has proved who is who and gives a stream in
both directions, so there is no port that others on the machine could reach, no secret to keep, and nothing of ours to
get wrong. When the runner, the network or the node goes, the stream ends, and both sides know.

The launcher keeps its socket and journal in a folder of the node's own, for neither belongs on a shared file system.
This process holds no state: when it is killed the runner starts another, which finds the launcher where it was.

SIGTERM is how a batch system ends an allocation. It tells all processes at once, and the runner, which would end the
jobs, may not reach this node any more. So this process waits for the runner to disconnect, and then ends what is
left: until it has ended itself, the batch system counts the allocation as running, and its jobs start nowhere else.
"""

import hashlib
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from storax_agent.launch.protocol.messages import Abort
from storax_agent.launch.protocol.versions import encode
from storax_agent.launch.spawner.agent_link import connect
from storax_agent.launch.spawner.start import START_SEC, Starter

BLOCK = 1 << 16
GRACE_SEC = 3.0  # from SIGTERM to SIGKILL of the jobs of an allocation that was ended
END_SEC = 10.0  # until the launcher has ended with them


def private_folder(node: str, state: str) -> Path:
    """The folder of one node of one allocation, below the machine's folder for temporary files.

    Raises:
        PermissionError: somebody else made a folder of that name, or others may enter it.
    """
    place = Path(tempfile.gettempdir()) / f"storax-{os.geteuid()}"
    name = hashlib.sha256(f"{state}\0{node}".encode()).hexdigest()[:20]
    for folder in (place, place / name):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o077 or folder.is_symlink():
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


def end_jobs(folder: Path) -> None:
    """Have the launcher of this folder stop what it runs, and wait for its end."""
    with suppress(OSError), connect(folder) as launcher:
        launcher.settimeout(END_SEC)
        # Without a hello the other side may be of any release, and all of them read the first version.
        launcher.sendall(encode(Abort(GRACE_SEC), 1))
        while launcher.recv(BLOCK):
            pass


def main(arguments: Sequence[str]) -> int:
    """Join the two; ends with the first of them."""
    node, state, data, log = arguments
    signals: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: signals.append(number))
    folder, code = private_folder(node, state), 0
    starter = Starter(folder, Path(data), Path(log))
    with starter.connect(time.monotonic() + START_SEC) as launcher:
        try:
            pump(launcher)
        except OSError:  # one side broke off in the middle of a block
            code = 1
    if signals:
        end_jobs(folder)
    starter.wait_for_end()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

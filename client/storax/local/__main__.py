"""The supervisor's process: ``python -m storax.local --data DIR``. Started by `storax up`, not by people.

It ends at once with status 0 when the supervisor runs in the background, 75 when another one has the folder, and 1 with
one sentence on standard error when the stack cannot be started at all.
"""

import argparse
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from storax._runtime.processes import identify
from storax.local.errors import LocalError
from storax.local.folder import Folder
from storax.local.plan import Wish, make_plan
from storax.local.servers.ports import Ports
from storax.local.state import Stack
from storax.local.supervisor import Supervisor, say

BUSY = os.EX_TEMPFAIL


def main() -> int:
    """Prepare the folder in the foreground, so that errors reach the caller; supervise in the background."""
    words = _arguments()
    wish = Wish(data=words.data, port=words.port, site=not words.no_site, servers_only=words.servers_only,
                fsync=not words.no_fsync)  # fmt: skip
    folder = Folder(wish.data)
    try:
        folder.prepare()
        if folder.lock() is None:  # the descriptor stays open, and with it the lock, until this process ends
            return BUSY
        return _supervise(wish, folder=folder, owner=words.owner)
    except LocalError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def _supervise(wish: Wish, *, folder: Folder, owner: int | None) -> int:
    stack = folder.read() or Stack()
    stack.version = _version()
    ports = Ports()
    parts = make_plan(wish, folder=folder, stack=stack, ports=ports)
    watched = identify(owner) if owner else None
    supervisor = Supervisor(parts, folder=folder, stack=stack, owner=watched)
    return _in_background(supervisor, folder=folder)


def _in_background(supervisor: Supervisor, *, folder: Folder) -> int:
    """Go on in a child of a session of its own; the caller hears 0 once that child is written down in stack.json."""
    heard, told = os.pipe()
    if os.fork() != 0:
        os.close(told)
        return 0 if os.read(heard, 1) else 1
    os.setsid()
    _log_to(folder.log("supervisor"))
    os.environ.update(_absolute_python_path())
    os.chdir(folder.path)
    try:
        supervisor.run(started=lambda: _tell(told))
    except LocalError:
        return 1
    say("ended")
    return 0


def _tell(told: int) -> None:
    os.write(told, b"1")
    os.close(told)


def _log_to(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)


def _absolute_python_path() -> dict[str, str]:
    given = os.environ.get("PYTHONPATH")
    places = [str(Path(place).absolute()) for place in given.split(os.pathsep)] if given else []
    return {"PYTHONPATH": os.pathsep.join(places)} if places else {}


def _version() -> str:
    try:
        return version("storax")
    except PackageNotFoundError:
        return "0"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m storax.local", description="Supervise a local stack.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--owner", type=int, help="stop when the process of this id ends")
    parser.add_argument("--no-site", action="store_true")
    parser.add_argument("--servers-only", action="store_true")
    parser.add_argument("--no-fsync", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

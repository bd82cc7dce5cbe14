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
from storax.local.config import StackConfig
from storax.local.errors import LocalError
from storax.local.folder import Folder
from storax.local.servers.ports import Ports
from storax.local.stack_plan import make_plan
from storax.local.state import Stack
from storax.local.supervisor import Supervisor, log

BUSY = os.EX_TEMPFAIL


def main() -> int:
    """Prepare the folder in the foreground, so that errors reach the caller, then supervise in the background."""
    options = _parse_options()
    config = StackConfig(data=options.data, port=options.port, site=not options.no_site,
                         servers_only=options.servers_only, fsync=not options.no_fsync)  # fmt: skip
    folder = Folder(config.data)
    try:
        folder.prepare()
        if folder.lock() is None:  # the descriptor stays open, and with it the lock, until this process ends
            return BUSY
        return _supervise(config, folder=folder, owner=options.owner)
    except LocalError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def _supervise(config: StackConfig, *, folder: Folder, owner: int | None) -> int:
    stack = folder.read() or Stack()
    stack.version = _version()
    ports = Ports()
    parts = make_plan(config, folder=folder, stack=stack, ports=ports)
    owner_process = identify(owner) if owner else None
    supervisor = Supervisor(parts, folder=folder, stack=stack, owner=owner_process)
    return _in_background(supervisor, folder=folder)


def _in_background(supervisor: Supervisor, *, folder: Folder) -> int:
    """Continue in a forked child of a session of its own; return 0 to the caller once stack.json names that child."""
    ready_reader, ready_writer = os.pipe()
    if os.fork() != 0:
        os.close(ready_writer)
        return 0 if os.read(ready_reader, 1) else 1
    os.setsid()
    _log_to(folder.log("supervisor"))
    os.environ.update(_absolute_python_path())
    os.chdir(folder.path)
    try:
        supervisor.run(started=lambda: _report_ready(ready_writer))
    except LocalError:
        return 1
    log("ended")
    return 0


def _report_ready(ready_writer: int) -> None:
    os.write(ready_writer, b"1")
    os.close(ready_writer)


def _log_to(path: Path) -> None:
    log_file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log_file, 1), (log_file, 2)):
        os.dup2(source, target)


def _absolute_python_path() -> dict[str, str]:
    entries = os.environ.get("PYTHONPATH")
    folders = [str(Path(entry).absolute()) for entry in entries.split(os.pathsep)] if entries else []
    return {"PYTHONPATH": os.pathsep.join(folders)} if folders else {}


def _version() -> str:
    try:
        return version("storax")
    except PackageNotFoundError:
        return "0"


def _parse_options() -> argparse.Namespace:
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

"""Start the process of a part: its command, environment, standard streams and user."""

import os
import subprocess
import tempfile

from storax._runtime.processes import MARK
from storax.local.processes.log_file import LogFile
from storax.local.stack_parts import Part

# Of our own environment these would name another server, user or stack to the processes we start.
_NOT_PASSED_ON = {"STORAX_URL", "STORAX_TOKEN", "STORAX_TOKEN_FILE", "STORAX_PROFILE", MARK}
_MINIMAL = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


def spawn(part: Part, *, log: LogFile, mark: str) -> subprocess.Popen[str]:
    """Start a part in a session of its own, its output appended to ``log``.

    Args:
        part: What to start; a part with ``after`` has its standard output in a pipe.
        log: Its log file, two folders below the stack's folder, which becomes the working directory.
        mark: Value of the environment variable by which the process is recognised, ``<stack id>:<part>``.

    Raises:
        OSError: the machine cannot start it.
    """
    with log.open() as log_stream, tempfile.TemporaryFile("w+") as stdin:
        stdin.write(part.input)
        stdin.seek(0)
        return subprocess.Popen(
            part.user.command(part.argv),
            env=_environment(part, mark),
            cwd=log.path.parent.parent,
            stdin=stdin,
            stdout=subprocess.PIPE if part.after else log_stream,
            stderr=log_stream,
            text=True,
            start_new_session=True,  # Ctrl-C in a terminal must not reach it: stopping has an order
            user=part.user.uid,
            group=part.user.gid,
            extra_groups=[] if part.user.uid is not None else None,
        )


def _environment(part: Part, mark: str) -> dict[str, str]:
    if part.clean:
        inherited = {name: os.environ[name] for name in _MINIMAL if name in os.environ}
    else:
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    return {**inherited, **part.environment(), MARK: mark}

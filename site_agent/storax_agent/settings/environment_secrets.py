"""Secrets of the agent's environment, out of the sight of jobs.

Whoever runs as the same user reads ``/proc/PID/environ``: what the process was started with. So the agent starts itself
anew with an environment that holds no secret, and takes those of the old one from an open file without a name, which
it closes at once.
"""

import json
import os
import sys
from collections.abc import Mapping

from storax_agent.settings.job_environment import is_secret

VARIABLE = "STORAX_ENVIRONMENT_FD"  # number of the open file
OWN = frozenset({"STORAX_TOKEN"})  # the token is read from the site's folder


def hide_secrets() -> None:
    """Start this program anew, without secrets in what ``/proc`` shows of it.

    Return where that was done, or where there are none. The process keeps its pid and its open files. ``os.environ``
    holds the secrets again, except for the client's token.
    """
    if take_secrets() or not any(is_secret(name, value) for name, value in os.environ.items()):
        return
    environment, handle = sealed({name: value for name, value in os.environ.items() if name not in OWN})
    os.set_inheritable(handle, True)
    os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - the same program


def take_secrets() -> bool:
    """Put the secrets of the open file, if this process was started with one, into ``os.environ``."""
    handle = os.environ.pop(VARIABLE, "")
    if handle:
        os.environ.update(_take(int(handle)))
    return bool(handle)


def sealed(environment: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Return the environment for a process that calls ``take_secrets``, and the descriptor that it must inherit."""
    handle = _store({name: value for name, value in environment.items() if is_secret(name, value)})
    return {**without_secrets(environment), VARIABLE: str(handle)}, handle


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are no secrets, for a process that needs none."""
    return {name: value for name, value in environment.items() if not is_secret(name, value)}


def _store(variables: Mapping[str, str]) -> int:
    """Return the descriptor of a file without a name, which holds these."""
    handle = os.memfd_create("environment")
    os.write(handle, json.dumps(variables).encode(errors="surrogateescape"))
    return handle


def _take(handle: int) -> dict[str, str]:
    size = os.fstat(handle).st_size
    text = os.pread(handle, size, 0)
    os.close(handle)
    variables: dict[str, str] = json.loads(text.decode(errors="surrogateescape"))
    return variables

"""The server of a script that names none: the stack of this machine, started as `storax up` does."""

import sys

from storax._runtime import settings
from storax.client import scoped_client
from storax.errors import NotConfigured
from storax.local import control
from storax.local.config import StackConfig
from storax.local.errors import LocalError
from storax.local.folder import Folder
from storax.local.state import Stack


def ensure_server(*, quiet: bool = False) -> None:
    """Start the local stack if no server is set, or if the profile ``local`` names that stack and it does not run.

    Args:
        quiet: Whether to start it without the line on stderr. Default False.

    Raises:
        NotConfigured: no server is set, and the stack cannot be started.
    """
    if not _needs_local_stack():
        return
    config = StackConfig(data=control.default_data())
    try:
        stack, started = control.up(config)
    except LocalError as error:
        raise NotConfigured(
            f"No server is set, and the local stack in {config.data} cannot be started: {error}",
            hint="See `storax doctor`, start one with `storax up`, or log in with `storax login URL`.",
        ) from error
    write_profile(stack)
    if started and not quiet:
        print(  # noqa: T201  the one line that tells of the processes
            f"Storax: no server was running, so a local stack was started at {stack.url} (data in {config.data}). "
            "`storax down` stops it.",
            file=sys.stderr,
            flush=True,
        )


def write_profile(stack: Stack) -> None:
    """Write address and token of the stack into the profile ``local``, unless they are there."""
    stored = settings.load_profile(settings.LOCAL_PROFILE)
    if stored is None or stored.url != stack.url or not stored.token or stored.token.get_secret_value() != stack.token:
        settings.save_profile(settings.LOCAL_PROFILE, url=stack.url, token=stack.token)


def _needs_local_stack() -> bool:
    """Return whether nothing names a server, or only the profile that the stack in the default folder wrote."""
    if scoped_client() is not None:
        return False
    try:
        connection = settings.resolve()
    except settings.NoServerError:
        return True
    except settings.SettingsError:
        return False  # a profile that is broken or missing: the client that needs it says so
    stack = Folder(control.default_data()).read() if connection.source == settings.LOCAL_SOURCE else None
    return stack is not None and stack.url == connection.url

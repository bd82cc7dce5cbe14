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
        NotConfigured: the stack is the server, and it cannot be started.
    """
    source = _source()
    if source not in (None, settings.LOCAL_SOURCE):
        return
    config = StackConfig(data=control.default_data())
    try:
        if source is not None and not _is_profile_of(Folder(config.data).read()):
            return
        stack, started = control.up(config)
    except LocalError as error:
        set_by = "No server is set" if source is None else "The server is that of the profile 'local'"
        raise NotConfigured(
            f"{set_by}, and the local stack in {config.data} cannot be started: {error}",
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


def _source() -> str | None:
    """Return what names the server; None where nothing does."""
    if scoped_client() is not None:
        return "the client of this scope"
    try:
        return settings.resolve().source
    except settings.NoServerError:
        return None
    except settings.SettingsError:
        return "a profile"  # broken or missing: the client that needs it says so


def _is_profile_of(stack: Stack | None) -> bool:
    """Return whether this stack wrote the profile ``local``: another server may have its port by now, with a token of
    its own. STORAX_TOKEN says nothing here, as it may stand in for the token of any profile.
    """
    stored = settings.load_profile(settings.LOCAL_PROFILE)
    if stack is None or stored is None or stored.token is None:
        return False
    return (stored.url.rstrip("/"), stored.token.get_secret_value()) == (stack.url, stack.token)

"""What `storax down` stops, said before it does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from storax.cli.terminal.output import note

if TYPE_CHECKING:
    from storax.local.state import Stack
    from storax.models.site import Site

HEARD = timedelta(seconds=90)  # an agent that was heard so lately is connected
ANSWER_SEC = 5.0


def announce_stop(data: Path) -> None:
    """Print what stopping the stack of this data folder stops; nothing where no stack is up."""
    from storax.client import Client
    from storax.errors import StoraxError
    from storax.local import control
    from storax.local.folder import Folder

    stack, _ = control.status(data)
    if stack is None or not stack.url or not stack.token or not control.is_up(stack):
        return
    try:
        with Client(stack.url, stack.token, deadline=ANSWER_SEC, connect_within=ANSWER_SEC):
            for line in effects(stack, site_folder=str(Folder(data).site)):
                note(line)
    except StoraxError as error:
        note(f"Which jobs run is not known: {error.message}")


def effects(stack: "Stack", *, site_folder: str) -> Iterator[str]:
    """Yield a line for the stack, and one for each site that runs jobs or is connected."""
    from storax.models.job import Job
    from storax.models.site import Site

    yield f"Stopping the stack at {stack.url} and its {len(stack.alive())} processes."
    for site in Site.objects.order_by("id"):
        own, jobs = site.path == site_folder, Job.objects.filter(site_id=site.id, state="RUNNING").count()
        if own or jobs or _connected(site):
            yield _effect(site.name, jobs, own=own)


def _effect(name: str, running: int, *, own: bool) -> str:
    jobs = f"{running} running {'job' if running == 1 else 'jobs'}" if running else "no running job"
    if not own:
        return f"Site {name} stays up with {jobs}; it reports when the server is back."
    then = " They run again after `storax up`; that uses up none of their max_attempts." if running else ""
    return f"Site {name} is stopped with {jobs}.{then}"


def _connected(site: "Site") -> bool:
    return site.last_refresh is not None and datetime.now(UTC) - site.last_refresh < HEARD

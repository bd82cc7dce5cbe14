"""What a shell completes: states, and the apps, sites and tags of the server. A server that is slow adds nothing."""

from collections.abc import Callable, Iterable
from typing import Any, get_args

import typer

WITHIN_SEC = 2.0
RECENT_JOBS = 1000  # whose tags are offered
MOST = 500  # names offered


def states(incomplete: str) -> list[str]:
    """Complete states of jobs."""
    from storax.models.job import JobState

    return _matching(get_args(JobState), incomplete)


def allocation_states(incomplete: str) -> list[str]:
    """Complete states of BatchJobs."""
    from storax.models.batch_job import BatchJobState

    return _matching(get_args(BatchJobState), incomplete)


def transfer_states(incomplete: str) -> list[str]:
    """Complete states of transfers."""
    from storax.models.transfer_item import TransferState

    return _matching(get_args(TransferState), incomplete)


def apps(context: typer.Context, incomplete: str) -> list[str]:
    """Complete names of Apps."""

    def fetch() -> Iterable[str]:
        from storax.models.job import App

        return App.objects.order_by("name")[:MOST].values_list("name", flat=True)

    return _matching(_from_server(context, fetch), incomplete)


def sites(context: typer.Context, incomplete: str) -> list[str]:
    """Complete names of sites."""

    def fetch() -> Iterable[str]:
        from storax.models.site import Site

        return Site.objects.order_by("name")[:MOST].values_list("name", flat=True)

    return _matching(_from_server(context, fetch), incomplete)


def tags(context: typer.Context, incomplete: str) -> list[str]:
    """Complete KEY=VALUE of the tags of recent jobs."""

    def fetch() -> Iterable[str]:
        from storax.models.job import Job

        recent = Job.objects.order_by("-id")[:RECENT_JOBS].values_list("tags", flat=True)
        return sorted({f"{key}={value}" for tags in recent for key, value in (tags or {}).items()})

    return _matching(_from_server(context, fetch), incomplete)


def views(context: typer.Context, incomplete: str) -> list[str]:
    """Complete names of saved views."""

    def fetch() -> Iterable[str]:
        from storax.models.saved_view import SavedView

        return SavedView.objects.order_by("name")[:MOST].values_list("name", flat=True)

    return _matching(_from_server(context, fetch), incomplete)


def profiles(incomplete: str) -> list[str]:
    """Complete names of stored profiles."""
    from storax._runtime.settings import profile_names

    return _matching(profile_names(), incomplete)


def _matching(texts: Iterable[str], incomplete: str) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text.startswith(incomplete)][:MOST]


def _from_server(context: typer.Context, fetch: Callable[[], Iterable[str]]) -> list[str]:
    """Return what the server of the command line's profile has; nothing where it cannot be asked."""
    from storax._runtime.settings import SettingsError
    from storax.client import Client, scoped_client
    from storax.errors import StoraxError

    try:
        if scoped_client() is not None:
            return list(fetch())
        with Client(profile=_profile(context), deadline=WITHIN_SEC, connect_within=WITHIN_SEC / 4):
            return list(fetch())
    except (StoraxError, SettingsError, OSError):
        return []


def _profile(context: Any) -> str | None:
    """Return the profile that the line names before or behind the command."""
    while context is not None:
        if name := context.params.get("profile"):
            return str(name)
        context = context.parent
    return None

"""`storax job cancel`, `retry`, `modify` and `rm`. Each counts the jobs first, and asks."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.terminal.confirm import DryRun, Yes, confirmed
from storax.cli.terminal.failures import REFUSED, CommandError, UsageError
from storax.cli.terminal.output import note
from storax.cli.terminal.parse import values
from storax.cli.terminal.select import Apps, OlderThan, Selection, Selectors, Sites, States, Tags
from storax.models.job_rules import FINAL

if TYPE_CHECKING:
    from storax._jobs.queries import Retried

_CANCEL_FIRST = "Cancel them first: storax job cancel"


def cancel(
    jobs: Selectors = None, tag: Tags = None, state: States = None, site: Sites = None, app: Apps = None,
    older_than: OlderThan = None, yes: Yes = False, dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Cancel jobs that have not ended. Running processes stop within seconds. All of them end as CANCELLED.

    \b
    Examples:
      storax job cancel 12
      storax job cancel --tag experiment=foo --yes
      storax job cancel --state AWAITING_PARENTS --older-than 7d
    """
    query = Selection.of(jobs, tag, state, site, app, older_than).require("cancel").query().exclude(state=FINAL)
    if confirmed("cancel", query.count(), what="job", yes=yes, dry_run=dry_run):
        count = query.cancel()
        note(f"Cancelled: {count}")
        if count.requested:
            note(f"{count.requested} of them are held by their site, which stops them within seconds.")


def retry(
    jobs: Selectors = None, tag: Tags = None, state: States = None, site: Sites = None, app: Apps = None,
    only: Annotated[bool, typer.Option("--only", help="Leave the descendants as they are.")] = False,
    older_than: OlderThan = None, yes: Yes = False, dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Run failed jobs again, and cancelled ones that you name by id; with --state, run others again. The descendants
    that failed only because of them come back too, and wait for them.

    \b
    Examples:
      storax job retry 12 --yes
      storax job retry 12 --only
      storax job retry --state CANCELLED --tag experiment=foo
      storax job retry --tag experiment=foo --dry-run
    """
    selection = Selection.of(jobs, tag, state, site, app, older_than).require("retry")
    query, finished = selection.query(), "JOB_FINISHED" in selection.states
    if not selection.states and not selection.selectors:
        query = query.filter(state="FAILED")
    count = _retry(query, descendants=not only, finished=finished, dry_run=True)
    if count.left and not count.jobs:
        raise CommandError(f"Nothing was changed: {count.reason}.", hint=count.hint, status=REFUSED)
    if count.left:
        note(f"{count.left} stay as they are, such as this one: {count.reason}. {count.hint}")
    what = "job" if selection.states or selection.selectors else "failed job"
    also = f" and {_descendants(count.descendants)}" if count.descendants else ""
    if confirmed("retry", count.jobs, what=what, yes=yes, dry_run=dry_run, also=also):
        done = _retry(query, descendants=not only, finished=finished)
        note(f"Retrying: {done.jobs}")
        if done.descendants:
            note(f"Brought back: {_descendants(done.descendants)}. They wait for their parents.")


def _retry(query: Any, **options: bool) -> "Retried":
    import warnings

    from storax.errors import StoraxWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoraxWarning)  # it speaks to those who write Python
        retried: Retried = query.retry(**options)
    return retried


def _descendants(count: int) -> str:
    return f"{count} {'descendant' if count == 1 else 'descendants'} that failed only because of these"


def modify(
    jobs: Selectors = None, tag: Tags = None, state: States = None, site: Sites = None, app: Apps = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="New value of a field; FIELD:=JSON for lists and objects."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Allow a state transition that is normally illegal.")] = False,
    older_than: OlderThan = None, yes: Yes = False, dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Change fields of jobs.

    \b
    Examples:
      storax job modify 12 --set priority=10
      storax job modify --tag experiment=foo --set num_nodes=2 --set 'tags__merge:={"stage": "2"}'
      storax job modify 12 --set 'tags:={"experiment": "bar"}'    (replaces all tags)
    """
    if not changes:
        raise UsageError("No change is given.", hint="Write storax job modify 12 --set priority=10")
    patch = values(changes, "--set")
    query: Any = Selection.of(jobs, tag, state, site, app, older_than).require("modify").query()
    if confirmed("modify", query.count(), what="job", yes=yes, dry_run=dry_run):
        note(f"Modified: {query.update(force=force, **patch)}")


def rm(
    jobs: Selectors = None, tag: Tags = None, state: States = None, site: Sites = None, app: Apps = None,
    older_than: OlderThan = None, yes: Yes = False, dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Delete jobs. The log keeps their history. Running jobs are not deleted: cancel them first.

    \b
    Examples:
      storax job rm 12
      storax job rm --state FAILED --tag experiment=foo --yes
      storax job rm --older-than 30d --dry-run
    """
    import warnings

    from storax.errors import StoraxWarning

    query = Selection.of(jobs, tag, state, site, app, older_than).require("rm").query()
    if confirmed("delete", query.count(), what="job", yes=yes, dry_run=dry_run):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoraxWarning)  # it speaks to those who write Python
            note(f"Deleted: {query.delete()}")
        if left := query.count():
            raise CommandError(f"{left} leased or running jobs were not deleted.", hint=_CANCEL_FIRST, status=REFUSED)

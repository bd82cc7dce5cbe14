"""`storax site ...`: the sites of this machine and their agents."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from storax.cli.terminal.confirm import confirmed
from storax.cli.terminal.failures import UsageError
from storax.cli.terminal.output import Form, Output, note, short, show
from storax.cli.terminal.visible import say
from storax_agent.settings.scheduler_kinds import KINDS

if TYPE_CHECKING:
    from storax._runtime.settings import Connection
    from storax_agent.control.prompts import Answers
    from storax_agent.settings.site import SiteFolder

app = typer.Typer(no_args_is_help=True, help="Create and run sites: the places where jobs run.")
SILENT = timedelta(seconds=90)  # an agent reports every few seconds; after this it is gone or cut off
Folder = Annotated[Path, typer.Argument(metavar="PATH", help="Folder of the site.")]
RunJobs = Annotated[
    bool | None,
    typer.Option("--run-jobs/--allocations-only", help="Run jobs in the agent too, or only in allocations."),
]
StopJobs = Annotated[
    bool | None,
    typer.Option("--stop-jobs/--keep-jobs", help="Stop or keep the jobs when the agent stops. Default: keep."),
]


@app.command(epilog="\b\nExamples:\n  storax site init ~/site --name laptop --slots 4\n  storax site init ~/site --yes")
def init(
    path: Folder,
    *,
    name: Annotated[str | None, typer.Option(help="Name at the server. Default: folder@machine.")] = None,
    url: Annotated[str | None, typer.Option(help="Server address. Default: that of the profile.")] = None,
    token: Annotated[
        str | None, typer.Option(help="Token to store in the folder (mode 0600). Default: that of the profile.")
    ] = None,
    slots: Annotated[int | None, typer.Option(min=1, help="Cores that jobs may use. Default: all.")] = None,
    gpus: Annotated[int | None, typer.Option(min=0, help="GPUs that jobs may use. Default: 0.")] = None,
    scheduler: Annotated[
        str, typer.Option(metavar="KIND", help=f"{', '.join(KINDS)}; or auto: the first that answers.")
    ] = "auto",
    run_jobs: RunJobs = None,
    stop_jobs: StopJobs = None,
    queue: Annotated[str | None, typer.Option(help="Default queue of allocations.")] = None,
    project: Annotated[str | None, typer.Option(help="Default project of allocations.")] = None,
    allow_functions: Annotated[
        bool | None, typer.Option("--allow-functions", help="Allow Apps with a Python run() or hooks.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not prompt; use the defaults.")] = False,
) -> None:
    """Register a site at the server, and create its folder. You can repeat this command.

    For a new site, it prompts on a terminal for missing options. Enter accepts the default.
    """
    from storax._runtime.settings import resolve
    from storax_agent.control.prompts import Answers, ask
    from storax_agent.settings.site import SiteFolder

    folder = SiteFolder(path)
    connection = resolve(url, token=token)
    answers = Answers(name, scheduler, slots, gpus, run_jobs, queue, project, allow_functions)
    if not yes and not folder.settings_file.is_file() and sys.stdin.isatty() and sys.stderr.isatty():
        answers = ask(answers, folder.path)
    _register(folder, connection, answers, stop_jobs=stop_jobs)
    note(f"Start its agent with: storax site start {path}")


def _register(folder: "SiteFolder", connection: "Connection", answers: "Answers", *, stop_jobs: bool | None) -> None:
    from storax_agent.control import site

    options = {
        "slots": answers.slots, "gpus": answers.gpus, "stop_jobs_on_exit": stop_jobs, "run_jobs": answers.run_jobs,
    }  # fmt: skip
    defaults = {"default_queue": answers.queue, "default_project": answers.project}
    site_id, is_new = site.init(
        folder, connection=connection, name=answers.name, options=options, scheduler=answers.scheduler,
        defaults=defaults,
    )  # fmt: skip
    if answers.allow_functions:
        folder.add_policy("allow_functions = true\n")
    known, settings = "registered" if is_new else "known", folder.load()
    note(f"Site {settings.name} is {known} with id {site_id}. Its settings are in {folder.settings_file}")
    if settings.scheduler.kind != "local":
        note(f"Allocations come from {settings.scheduler.kind}, with the job script {folder.path}/job-template.sh")


def _folder(path: Path) -> "SiteFolder":
    """Return the folder of a site, which names its server; a profile of another server is refused."""
    from storax._runtime.settings import chosen_profile, resolve
    from storax_agent.settings.site import SiteFolder

    folder = SiteFolder(path)
    if chosen_profile() and (url := folder.load().url.rstrip("/")) != resolve().url:
        message = f"The site in {path} belongs to {url}, the profile {chosen_profile()} to {resolve().url}."
        raise UsageError(message, hint="Omit --profile.")
    return folder


@app.command(epilog="\b\nExamples:\n  storax site start ~/site\n  storax site start ~/site --foreground")
def start(
    path: Folder,
    foreground: Annotated[bool, typer.Option("--foreground", help="Run in this process, and log to stderr.")] = False,
) -> None:
    """Start the agent of a site."""
    from storax_agent.control import site

    if foreground:
        from storax_agent.serve import serve
        from storax_agent.settings.environment_secrets import hide_secrets

        hide_secrets()
        serve(_folder(path), foreground=True)
    else:
        note(f"The agent runs as process {site.start(_folder(path))}. Its log is {path}/log/agent.log")


@app.command(epilog="\b\nExamples:\n  storax site stop ~/site\n  storax site stop ~/site --kill")
def stop(
    path: Folder,
    kill: Annotated[bool, typer.Option("--kill", help="End the jobs too; they run again later.")] = False,
) -> None:
    """Stop the agent of a site. Its jobs continue, and the next agent adopts them."""
    from storax_agent.control import site

    ran, _ = site.stop(_folder(path), kill=kill)
    note("The agent has ended." if ran else "No agent was running.")


@app.command("ls", epilog="\b\nExamples:\n  storax site ls\n  storax site ls -o json")
def list_sites(form: Output = Form.TABLE) -> None:
    """List your sites."""
    from storax._runtime.settings import resolve
    from storax_agent.server.site_api import SiteApi

    connection = resolve()
    rows = SiteApi(connection.url, connection.secret).sites()
    if form.for_people:
        rows = [{**row, "agent": _contact(row["last_refresh"])} for row in rows]
    show(rows, form=form, columns=["id", "name", "agent" if form.for_people else "last_refresh", "path"])


def _contact(last_refresh: str | None) -> str:
    """Say when the agent of a site was heard last."""
    if last_refresh is None:
        return "never started"
    silent = datetime.now(UTC) - datetime.fromisoformat(last_refresh)
    return f"{'active' if silent < SILENT else 'silent'}, heard {short(silent)} ago"


@app.command(epilog="\b\nExamples:\n  storax site rm ~/site\n  storax site rm ~/site --yes")
def rm(
    path: Folder,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not prompt for confirmation.")] = False,
) -> None:
    """Delete a site with its Apps and jobs from the server. Its folder and the event log stay."""
    from storax_agent.control import site

    folder = _folder(path)
    settings = folder.load()
    note(f"Site {settings.name} at {settings.url} has Apps and jobs, which will be deleted too.")
    if not confirmed("delete", 1, what="site", yes=yes, dry_run=False):
        return
    site.stop(folder, kill=True)
    site.account_of(folder).delete_site(settings.site_id)
    folder.settings_file.rename(folder.settings_file.with_suffix(".toml.removed"))
    note(f"Site {settings.name} is deleted. Its files are still in {folder.path}")


@app.command(epilog="\b\nExamples:\n  storax site check ~/site")
def check(path: Folder) -> None:
    """Check folder, agent, scheduler, locations and server of a site. Exit status 1 if a check fails."""
    from storax_agent.control.checks import check as findings

    wrong = 0
    for finding in findings(_folder(path)):
        mark = {True: "ok   ", False: "WRONG", None: "     "}[finding.good]
        say(f"{mark}  {finding.what:<20}  {finding.detail}")
        wrong += finding.good is False
    if wrong:
        raise typer.Exit(1)

"""`storax app`: see and publish apps, the programs that jobs run."""

import importlib.util
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.terminal import complete
from storax.cli.terminal.confirm import DryRun, Yes, confirmed
from storax.cli.terminal.failures import CommandError, UsageError
from storax.cli.terminal.listing import Limit, Listing, named
from storax.cli.terminal.output import Columns, Form, Output, note, show_one
from storax.cli.terminal.select import app_ids, site_id
from storax.cli.terminal.visible import say_exactly

if TYPE_CHECKING:
    from storax.models.job import App

APPS = Listing(
    "app",
    ("id", "name", "site", "command_template", "description"),
    ("id", "name", "site", "command_template", "parameters", "transfers", "use_shell", "version", "last_update"),
)

app = typer.Typer(
    help="List and publish Apps: the programs that jobs run.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  storax app example > apps.py
  storax app sync apps.py
  storax app ls --site laptop""",
)

Name = Annotated[str, typer.Argument(metavar="APP", help="Name or id of the App.", autocompletion=complete.apps)]
Site = Annotated[
    str | None,
    typer.Option("--site", metavar="NAME", help="Site of the App. Default: all sites.", autocompletion=complete.sites),
]


@app.command("ls")
def ls(*, site: Site = None, limit: Limit = 0, output: Output = Form.TABLE, columns: Columns = None) -> None:
    """List Apps.

    \b
    Examples:
      storax app ls
      storax app ls --site laptop -o json
    """
    from storax.models.job import App

    query = App.objects.filter(site_id=site_id(site)) if site else App.objects.all()
    empty = "There is no App yet. Publish one: storax app sync FILE.py"
    APPS.print(query.order_by("name"), form=output, columns=columns, limit=limit, empty=empty)


@app.command("show")
def details(name: Name, *, site: Site = None, output: Output = Form.TABLE) -> None:
    """Show all fields of an App.

    \b
    Examples:
      storax app show Hello
      storax app show Hello --site laptop -o json
    """
    stored = _find(name, site)
    show_one(named([{"site": "", **stored.to_dict()}], ("site",))[0], form=output)


@app.command("example")
def example() -> None:
    """Print a Python file that defines two Apps, to start from.

    \b
    Examples:
      storax app example > apps.py
      storax app sync apps.py
      storax job submit Hello name=world --wait
    """
    say_exactly(resources.files("storax.cli").joinpath("example_apps.py").read_text(encoding="utf-8"), end="")


@app.command("rm")
def rm(name: Name, *, site: Site = None, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Delete an App and all its jobs. The log keeps their history.

    \b
    Examples:
      storax app rm Hello --dry-run
      storax app rm Hello --site laptop --yes
    """
    from storax.models.job import Job

    stored = _find(name, site)
    jobs = Job.objects.filter(app_id=stored.id or 0).count()
    note(f"App {stored.name} has {jobs} {'job' if jobs == 1 else 'jobs'}, which will be deleted too.")
    if confirmed("delete", 1, what="app", yes=yes, dry_run=dry_run):
        stored.delete()
        note(f"Deleted: {name}")


@app.command("sync")
def sync(
    file: Annotated[Path, typer.Argument(metavar="FILE.py", help="Python file that defines Apps.", dir_okay=False)],
    *,
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="Site to publish at. Default: that of each App.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the Apps, and change nothing.")] = False,
) -> None:
    """Publish the new and changed Apps of a Python file. This command runs the file.

    \b
    Examples:
      storax app sync apps.py
      storax app sync apps.py --site cluster
    """
    definitions = _definitions(file)
    if not definitions:
        hint = "For an example run: storax app example"
        raise UsageError(f"{file} defines no App.", hint=hint)
    for definition in definitions:
        if site:
            definition.site = site
        if dry_run:
            note(f"Would publish {definition.__name__} at {definition.site}")
            continue
        stored = definition.sync()
        say_exactly(f"{stored.id}\t{stored.name}\t{'created' if stored.version == 1 else f'version {stored.version}'}")


def _definitions(file: Path) -> "list[type[App]]":
    """Return the App classes that a file defines, in its order; not those it imports."""
    from storax.models.job import App

    name = f"_storax_apps_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise UsageError(f"The Python file {file} does not exist.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CommandError(
            f"{file} cannot be run: {type(error).__name__}: {error}.", hint="Run it with python to see the traceback."
        ) from error
    classes: list[Any] = [v for v in vars(module).values() if isinstance(v, type) and issubclass(v, App)]
    return [cls for cls in classes if cls.__module__ == name]


def _find(name: str, site: str | None) -> "App":
    from storax.models.job import App

    ids = app_ids(name, sites=[site_id(site)] if site else ())
    if len(ids) > 1:
        raise UsageError(f"{len(ids)} sites have an App {name!r}.", hint="Choose one with --site NAME.")
    return App.objects.get(id=ids[0])

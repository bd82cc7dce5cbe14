"""`storax job`: create, find, follow and change jobs."""

import typer

from storax.cli.job import change, create, explain, failures, follow, show
from storax.cli.job.pictures import timeline, tree

app = typer.Typer(
    help="Create, list, follow and change jobs.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  storax job submit Hello name=world --wait
  storax job ls --state FAILED --tag experiment=foo
  storax job logs last -f""",
)
app.command()(create.create)
app.command()(create.submit)
app.command("ls")(show.ls)
app.command("show")(show.details)
app.command()(show.summary)
app.command()(failures.failures)
app.command()(show.history)
app.command()(explain.explain)
app.command()(tree.tree)
app.command()(timeline.timeline)
app.command()(follow.logs)
app.command()(follow.wait)
app.command()(change.cancel)
app.command()(change.retry)
app.command()(change.modify)
app.command("rm")(change.rm)

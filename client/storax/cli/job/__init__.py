"""`storax job`: create, find, follow and change jobs."""

import typer

from storax.cli.job import change, explain, follow, look, make

app = typer.Typer(
    help="Create, list, follow and change jobs.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  storax job submit Hello name=world --wait
  storax job ls --state FAILED --tag experiment=foo
  storax job logs last -f""",
)
app.command()(make.create)
app.command()(make.submit)
app.command("ls")(look.ls)
app.command("show")(look.details)
app.command()(look.summary)
app.command()(look.history)
app.command()(explain.explain)
app.command()(follow.logs)
app.command()(follow.wait)
app.command()(change.cancel)
app.command()(change.retry)
app.command()(change.modify)
app.command("rm")(change.rm)

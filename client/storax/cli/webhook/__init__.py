"""`storax webhook`: addresses to which the server posts events. In Python: Webhook."""

import typer

from storax.cli.webhook import change, show

app = typer.Typer(
    help="Have the server post events to a URL, signed and in order.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  storax webhook create failures https://example.org/storax --to FAILED
  storax webhook ls
  storax webhook replay failures 1200""",
)
app.command("create")(change.create)
app.command("ls")(show.ls)
app.command("show")(show.details)
app.command("enable")(change.enable)
app.command("disable")(change.disable)
app.command("rotate")(change.rotate)
app.command("replay")(change.replay)
app.command("rm")(change.rm)

"""`storax transfer`: the files that move for jobs. In Python: TransferItem."""

from typing import Annotated, Any

import typer

from storax.cli.terminal import complete
from storax.cli.terminal.listing import Limit, Listing
from storax.cli.terminal.output import Columns, Form, Output
from storax.cli.terminal.select import site_id

TRANSFERS = Listing(
    "transfer",
    ("id", "state", "direction", "job_id", "site", "local_path", "location_alias", "remote_path"),
    ("id", "state", "direction", "job_id", "site", "local_path", "location_alias", "remote_path", "recursive",
     "task_id", "transfer_info", "last_update"),
)  # fmt: skip

app = typer.Typer(
    help="List the files that are copied for jobs.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  storax transfer ls --state error""",
)
app.callback()(lambda: None)  # keeps it a group, even of one


@app.command("ls")
def ls(
    *,
    job: Annotated[list[int] | None, typer.Option("--job", metavar="ID", help="Only transfers of this job.")] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            "-s",
            metavar="STATE",
            help="Only transfers in this state.",
            autocompletion=complete.transfer_states,
        ),
    ] = None,
    direction: Annotated[str | None, typer.Option("--direction", metavar="in|out", help="Only this direction.")] = None,
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="NAME", help="Only transfers at this site.", autocompletion=complete.sites),
    ] = None,
    limit: Limit = 100,
    output: Output = Form.TABLE,
    columns: Columns = None,
) -> None:
    """List transfers, newest first.

    \b
    Examples:
      storax transfer ls --job 12
      storax transfer ls --state error --direction in -o csv
    """
    from storax.models.transfer_item import TransferItem

    filters: dict[str, Any] = {"job_id": job, "state": state, "direction": direction}
    filters = {name: value for name, value in filters.items() if value}
    if site:
        filters["site_id"] = site_id(site)
    query = TransferItem.objects.filter(**filters).order_by("-id")
    TRANSFERS.print(query, form=output, columns=columns, limit=limit, empty="No transfer matches.")

"""`storax token`: access tokens, which stand for a user."""

from datetime import datetime
from typing import Annotated, Any

import typer

from storax.cli.terminal.confirm import DryRun, Yes, confirmed
from storax.cli.terminal.output import Columns, Form, Output, chosen, note, show, show_one
from storax.cli.terminal.visible import say

FIELDS = ("id", "name", "expires_at", "creation_date")

app = typer.Typer(
    help="Create, list and revoke access tokens.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  storax token create --name cluster --days 90
  storax token ls""",
)


@app.command("create")
def create(
    *,
    name: Annotated[str, typer.Option("--name", help="Purpose of the token.")] = "",
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="Days until it expires, 1 to 3650. Default: set by the server.")
    ] = None,
    output: Output = Form.TABLE,
) -> None:
    """Create a token and print it once. The server stores only its hash.

    \b
    Examples:
      storax token create --name cluster --days 90
      STORAX_TOKEN=$(storax token create --name ci)
    """
    from storax.client import current_client

    token = current_client().request("POST", "/tokens/", {"name": name, "expires_in_days": days})
    if not output.for_people:
        show_one(token, form=output)
        return
    say(token["token"])
    note(f"Token {token['id']}; keep it secret. It is not shown again.")


@app.command("ls")
def ls(*, output: Output = Form.TABLE, columns: Columns = None) -> None:
    """List tokens without their secrets.

    \b
    Examples:
      storax token ls
      storax token ls -o json
    """
    rows = _tokens()
    every = tuple(rows[0]) if rows else FIELDS
    names = chosen(output, columns, narrow=FIELDS, wide=every, every=every)
    cells = [{name: _cell(row, name) for name in names} for row in rows]
    if not show(cells, form=output, columns=names, named=bool(columns)):
        note("There is no token.")


@app.command("revoke")
def revoke(
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="Ids of tokens.")],
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Revoke tokens. The server then refuses them.

    \b
    Examples:
      storax token revoke 3
    """
    from storax.client import current_client

    known = {row["id"] for row in _tokens()} & set(ids)
    if confirmed("revoke", len(known), what="token", yes=yes, dry_run=dry_run):
        for number in sorted(known):
            current_client().request("DELETE", f"/tokens/{number}")
        note(f"Revoked: {len(known)}")


def _tokens() -> list[dict[str, Any]]:
    from storax.client import current_client

    rows: list[dict[str, Any]] = current_client().request("POST", "/tokens/query", {"limit": 10_000})["results"]
    times = ("expires_at", "creation_date", "last_update")
    return [{n: datetime.fromisoformat(v) if v and n in times else v for n, v in row.items()} for row in rows]


def _cell(row: dict[str, Any], name: str) -> Any:
    if name not in row:
        from storax._runtime.suggestions import unknown

        raise unknown("A token has no field", name, row)
    return row[name]

"""`storax token`: access tokens, which stand for a user."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import typer

from storax.cli.terminal.confirm import DryRun, Yes, confirmed
from storax.cli.terminal.output import Columns, Form, Output, chosen, note, show, show_one
from storax.cli.terminal.visible import say

FIELDS = ("id", "name", "site_id", "expires_at", "creation_date")

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
    site: Annotated[
        str | None,
        typer.Option("--site", metavar="NAME", help="For the agent of this site: it can lease and report."),
    ] = None,
    output: Output = Form.TABLE,
) -> None:
    """Create a token and print it once. The server stores only its hash. It is revoked with the token in use.

    \b
    Examples:
      storax token create --site cluster --days 90 > ~/site/token
      STORAX_TOKEN=$(storax token create --name ci)
    """
    from storax.client import current_client

    only = {} if site is None else {"site_id": _site_id(site)}
    token = current_client().request("POST", "/tokens/", {"name": name, "expires_in_days": days, **only})
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
    narrow = tuple(name for name in FIELDS if name in every)  # an older server has no tokens of sites
    names = chosen(output, columns, narrow=narrow, wide=every, every=every)
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
    """Revoke tokens, with those that were created with them. The server then refuses them.

    \b
    Examples:
      storax token revoke 3
    """
    rows = _tokens()
    known = {row["id"] for row in rows} & set(ids)
    if below := sorted(_family(rows, known) - known):
        note(f"Tokens that were created with them are revoked too: {', '.join(map(str, below))}")
    if confirmed("revoke", len(known) + len(below), what="token", yes=yes, dry_run=dry_run):
        for number in sorted(known):
            _revoke(number)
        note(f"Revoked: {len(known) + len(below)}")


def _family(rows: list[dict[str, Any]], ids: set[int]) -> set[int]:
    """Return these tokens and all that were created with them."""
    family = set(ids)
    while more := {row["id"] for row in rows if row.get("parent_id") in family} - family:
        family |= more
    return family


def _revoke(number: int) -> None:
    """Revoke a token; one that has gone with another is no error."""
    from storax.client import current_client
    from storax.errors import NotFound

    with suppress(NotFound):
        current_client().request("DELETE", f"/tokens/{number}")


def _site_id(name: str) -> int:
    from storax import Site

    site_id = Site.objects.get(name=name).id
    assert site_id is not None  # noqa: S101 - it comes from the server
    return site_id


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

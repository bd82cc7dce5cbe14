"""See webhooks: where each stands, and why one is paused."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.terminal.failures import NOT_FOUND, CommandError
from storax.cli.terminal.listing import Limit, Listing
from storax.cli.terminal.output import Columns, Form, Output, show_one

if TYPE_CHECKING:
    from storax.models.webhook import Webhook

Name = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Name or id of the webhook.")]


def _state(row: Mapping[str, Any]) -> str:
    if row["enabled"]:
        return "retrying" if row["failures"] else "enabled"
    return "paused" if row["problem"] else "disabled"


WEBHOOKS = Listing(
    "webhook",
    ("id", "name", "state", "position", "failures", "url", "problem"),
    ("id", "name", "state", "position", "failures", "url", "filter", "format", "problem", "next_attempt",
     "last_delivery", "rotated_at", "creation_date"),
    computed={"state": (("enabled", "failures", "problem"), _state)},
)  # fmt: skip


def ls(*, limit: Limit = 0, output: Output = Form.TABLE, columns: Columns = None) -> None:
    """List webhooks with the position up to which events were delivered, and why one is paused.

    \b
    Examples:
      storax webhook ls
      storax webhook ls --columns name,state,problem
    """
    from storax.models.webhook import Webhook

    empty = "There is no webhook. Create one: storax webhook create NAME URL"
    WEBHOOKS.print(Webhook.objects.order_by("name"), form=output, columns=columns, limit=limit, empty=empty)


def details(name: Name, *, output: Output = Form.TABLE) -> None:
    """Show one webhook.

    \b
    Examples:
      storax webhook show failures
    """
    row = existing(name).to_dict()
    show_one({field: value for field, value in row.items() if field != "secret"}, form=output)


def existing(name: str) -> "Webhook":
    """Return a webhook by its name, or by its id.

    Raises:
        CommandError: there is none; the message names the nearest.
    """
    from storax._runtime.suggestions import nearest
    from storax.models.webhook import Webhook

    for row in Webhook.objects.filter(name=name):
        return row
    if name.isdecimal():
        return Webhook.objects.get(id=int(name))
    hint = nearest(name, Webhook.objects.values_list("name", flat=True)) or "List them: storax webhook ls"
    raise CommandError(f"There is no webhook {name!r}.", hint=hint, status=NOT_FOUND)

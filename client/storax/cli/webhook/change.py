"""Create and change webhooks."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from storax.cli.terminal import complete
from storax.cli.terminal.confirm import DryRun, Yes, confirmed
from storax.cli.terminal.output import Form, Output, note, show_one
from storax.cli.terminal.parse import pairs
from storax.cli.terminal.select import app_ids, site_id
from storax.cli.terminal.visible import say
from storax.cli.webhook.show import Name, existing


class Format(StrEnum):
    """How events are posted."""

    CLOUDEVENTS = "cloudevents"
    STORAX = "storax"


Types = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Only events of this type: job.state_changed.")
]
States = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="STATE", help="Only changes to this state.", autocompletion=complete.states),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Only events of jobs with this tag.")
]
Apps = Annotated[
    list[str] | None,
    typer.Option("--app", metavar="NAME", help="Only events of jobs of this App.", autocompletion=complete.apps),
]
Sites = Annotated[
    list[str] | None,
    typer.Option("--site", metavar="NAME", help="Only events at this site.", autocompletion=complete.sites),
]
Body = Annotated[
    Format, typer.Option("--format", help="CloudEvents 1.0, or storax: as `GET /api/v1/events/` has them.")
]


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the webhook, unique among yours.")],
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where events are posted: http, https; or mailto:NAME@HOST.")
    ],
    *,
    type_: Types = None,
    to: States = None,
    tag: Tags = None,
    app: Apps = None,
    site: Sites = None,
    format_: Body = Format.CLOUDEVENTS,
    output: Output = Form.TABLE,
) -> None:
    """Create a webhook and print its secret once. An option that is repeated means any of its values.

    \b
    Examples:
      storax webhook create failures https://example.org/storax --to FAILED --tag experiment=foo
      storax webhook create all https://example.org/storax --format storax > secret.txt
      storax webhook create mail mailto:alice@example.org --to FAILED --tag experiment=foo
    """
    from storax.models.webhook import Webhook

    sites = [site_id(one) for one in site or []]
    wanted: dict[str, Any] = {
        "type": type_,
        "to_state": [state.upper() for state in to or []],
        "tags": pairs(tag or [], "--tag"),
        "app_id": [number for one in app or [] for number in app_ids(one, sites=sites)],
        "site_id": sites,
    }
    chosen = {key: value for key, value in wanted.items() if value}
    webhook = Webhook.objects.create(name=name, url=url, filter=chosen, format=format_.value)
    if not output.for_people:
        show_one(webhook.to_dict(), form=output)
        return
    say(str(webhook.secret))
    note(f"Webhook {webhook.id}; keep the secret. It is not shown again.")


def enable(name: Name) -> None:
    """Post events to a webhook, also to one that the server paused; it goes on where it stopped.

    \b
    Examples:
      storax webhook enable failures
    """
    _set_enabled(name, value=True)


def disable(name: Name) -> None:
    """Post no events to a webhook until it is enabled.

    \b
    Examples:
      storax webhook disable failures
    """
    _set_enabled(name, value=False)


def _set_enabled(name: str, *, value: bool) -> None:
    webhook = existing(name)
    webhook._change({"enabled": value})
    note(f"{'Enabled' if value else 'Disabled'}: {webhook.name}, at position {webhook.position}")


def rotate(name: Name) -> None:
    """Make another secret and print it once. For a day deliveries are signed with the one before too.

    \b
    Examples:
      storax webhook rotate failures > secret.txt
    """
    say(existing(name).rotate_secret())
    note("Keep the secret. It is not shown again.")


def replay(
    name: Name,
    position: Annotated[int, typer.Argument(metavar="POSITION", min=0, help="Position of the log; 0: all of it.")],
) -> None:
    """Post the events behind a position again; a position ahead leaves events out.

    \b
    Examples:
      storax webhook replay failures 1200
    """
    webhook = existing(name)
    webhook.replay(position)
    note(f"{webhook.name} goes on behind position {webhook.position}")


def rm(name: Name, *, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Delete a webhook.

    \b
    Examples:
      storax webhook rm failures --yes
    """
    webhook = existing(name)
    if confirmed("delete", 1, what="webhook", yes=yes, dry_run=dry_run):
        webhook.delete()
        note(f"Deleted: {webhook.name}")

"""`storax event`: read and follow the log of every change."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storax.cli.terminal import complete
from storax.cli.terminal.failures import UsageError
from storax.cli.terminal.listing import Limit, rows_of
from storax.cli.terminal.output import Columns, Form, Output, chosen, json_text, note, plain, show, text_of
from storax.cli.terminal.parse import pairs, when
from storax.cli.terminal.select import Tags
from storax.cli.terminal.visible import say_exactly

if TYPE_CHECKING:
    from storax.cli.differences import Difference
    from storax.errors import Unavailable
    from storax.models.event_log import EventLogQuery

NARROW = ("position", "timestamp", "type", "entity_id", "from_state", "to_state", "actor", "message")
OF_ONE = ("position", "timestamp", "type", "from_state", "to_state", "actor", "message")
WIDE = ("position", "timestamp", "actor", "command_id", "entity", "entity_id", "type", "changes")
DIFFERENCE = ("id", "what", "state", "changes")
# Fields whose change says little to people; `-o json` has them.
_QUIET = {"at", "state", "session_id", "lease_epoch", "skipped", "stderr_tail", "lease_lost"}
_MESSAGE_KEYS = ("message", "reason", "error")
# What a run occupies, in the event of its start; 1 says little.
_OCCUPIED = ("num_nodes", "ranks_per_node", "node_packing_count")

app = typer.Typer(
    help="Read and follow the log of every change.",
    no_args_is_help=True,
    epilog="""\b
Examples:
  storax event ls --job 12
  storax event tail -f --type job.state_changed""",
)

Job = Annotated[list[int] | None, typer.Option("--job", metavar="ID", help="Only events of this job.")]
Type = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Only this type, such as job.state_changed.")
]
Entity = Annotated[
    list[str] | None, typer.Option("--entity", metavar="NOUN", help="Only this resource: job, site, app, ...")
]
ToState = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="STATE", help="Only transitions to this state.", autocompletion=complete.states),
]
Actor = Annotated[list[str] | None, typer.Option("--actor", metavar="WHO", help="Only of this actor, such as user:1.")]
Id = Annotated[
    list[int] | None, typer.Option("--id", metavar="ID", help="Only of the things with this id; see --entity.")
]
Command = Annotated[list[str] | None, typer.Option("--command", metavar="UUID", help="Only of this call.")]
Allocation = Annotated[
    list[int] | None, typer.Option("--batch-job", metavar="ID", help="Only of jobs that this BatchJob leased.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="Start at a log position, a time, or so long ago (10m).")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="End at a log position, a time, or so long ago (10m).")
]


def message_of(event: Mapping[str, Any]) -> str:
    """Return the message of an event and the fields that it changed, in one line."""
    data = event.get("data") or {}
    messages = [str(data[name]) for name in _MESSAGE_KEYS if data.get(name)]
    messages += str(data.get("stderr_tail") or "").splitlines()[-1:]  # the last line of a program's errors says most
    if str(event.get("type", "")).endswith(".created"):
        return messages[0] if messages else ""
    omitted = _QUIET.union(_MESSAGE_KEYS, (n for n in _OCCUPIED if "attempt" in data and data.get(n) == 1))
    changes = [f"{n}={text_of(v)}" for n, v in data.items() if v is not None and n not in omitted]
    return "; ".join([*messages, *changes])


def print_events(query: "EventLogQuery", *, form: Form, columns: str | None, of_one: bool = False) -> int:
    """Print events in the order of ``query`` and return how many there were."""
    # Programs get all but the changes, which cost the server a search for each event.
    every = query._model._readable if columns else query._model._columns
    narrow, wide = (OF_ONE, OF_ONE) if of_one else (NARROW, WIDE)
    names = chosen(form, columns, narrow=narrow, wide=wide, every=every)
    source = ["type", "data"] if "message" in names else []
    fields = list(dict.fromkeys([*(n for n in names if n != "message"), *source]))
    rows = (_with_text_of_changes(row, form) for row in rows_of(query, fields, form=form))
    return show(_with_message(rows, names), form=form, columns=names, named=bool(columns))


def _with_message(rows: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Iterator[dict[str, Any]]:
    columns = list(names)
    for row in rows:
        complete = {**row, "message": message_of(row)} if "message" in columns else row
        yield {name: complete[name] for name in columns}


@app.command("ls")
def ls(
    *,
    job: Job = None,
    type_: Type = None,
    entity: Entity = None,
    id_: Id = None,
    to: ToState = None,
    actor: Actor = None,
    command: Command = None,
    batch_job: Allocation = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    output: Output = Form.TABLE,
    columns: Columns = None,
) -> None:
    """List events, newest last. With -o wide: who changed what in which call, from what to what.

    \b
    Examples:
      storax event ls --job 12 -o wide
      storax event ls --entity site --id 3 --since 2026-01-31 --until 2026-02-28
      storax event ls --to FAILED --since 1h
      storax event ls --since 1000 --limit 0 -o ndjson > log.ndjson
    """
    from storax.models.event_log import EventLog

    filters = _filters(
        job=job, type_=type_, entity=entity, id_=id_, to=to, actor=actor, command=command, batch_job=batch_job, tag=tag
    )
    query = _newest(EventLog.objects.filter(**filters, **_since(since), **_until(until)), limit)
    _note_end(print_events(query, form=output, columns=columns), limit, output)


def _with_text_of_changes(row: Mapping[str, Any], form: Form) -> Mapping[str, Any]:
    """A row with its changes as programs or people read them."""
    if row.get("changes") is None:
        return row
    changes = {name: (one["before"], one["after"]) for name, one in row["changes"].items()}
    return {**row, "changes": _changes(changes, form)}


def _newest(query: "EventLogQuery", limit: int) -> "EventLogQuery":
    """The newest ``limit`` events of a query, or with 0 all, in the order of the log."""
    # The newest are wanted, but read best in their own order.
    positions = query.order_by("-position")[:limit].values_list("position", flat=True) if limit else []
    if limit and len(positions) == limit:
        query = query.filter(position__gte=positions[-1])
    return query.order_by("position")


def _note_end(count: int, limit: int, output: Form) -> None:
    """Say that nothing matched, or that there may be more."""
    if not count and output.for_people:
        note("No event matches.")
    elif limit and count >= limit and output.for_people:
        note(f"Newest {count} events; use --limit for more.")


@app.command("diff")
def diff(
    first: Annotated[int, typer.Argument(metavar="FIRST", help="Position of the log before.", min=0)],
    last: Annotated[int, typer.Argument(metavar="LAST", help="Position of the log after.", min=0)],
    entity: Annotated[str, typer.Option("--entity", metavar="NOUN", help="Kind of objects: job or site.")] = "job",
    output: Output = Form.TABLE,
    columns: Columns = None,
) -> None:
    """List what is not the same at two positions of the log: what was created, deleted and changed.

    \b
    Examples:
      storax event diff 1200 1500
      storax event diff 0 1500 --entity site -o ndjson
    """
    from storax.cli.differences import differences
    from storax.models.job import Job
    from storax.models.site import Site

    models: dict[str, Any] = {"job": Job, "site": Site}
    if entity not in models:
        raise UsageError(f"`storax event diff` compares no {entity!r}.", hint=f"Choose: {', '.join(models)}.")
    if last < first:
        raise UsageError(f"{last} is before {first}.", hint=f"Write storax event diff {last} {first}.")
    names = chosen(output, columns, narrow=DIFFERENCE, wide=DIFFERENCE, every=DIFFERENCE)
    changed = differences(models[entity], entity, first, last)
    count = show(map(partial(_difference, output), changed), form=output, columns=names, named=bool(columns))
    if not count and output.for_people:
        note("Nothing changed.")


def _difference(output: Form, one: "Difference") -> dict[str, Any]:
    row = one.after or one.before or {}
    return {"id": one.id, "what": one.kind, "state": row.get("state"), "changes": _changes(one.changes, output)}


def _changes(changes: Mapping[str, tuple[Any, Any]], output: Form) -> Any:
    """The changed fields as text for people, as an object for programs."""
    if output in (Form.JSON, Form.NDJSON):
        return {name: {"before": before, "after": after} for name, (before, after) in changes.items()}
    return "; ".join(f"{name}: {text_of(before)} -> {text_of(after)}" for name, (before, after) in changes.items())


@app.command("tail")
def tail(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue with new events as they happen.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Number of past events to show first.")] = 10,
    job: Job = None,
    type_: Type = None,
    entity: Entity = None,
    to: ToState = None,
    actor: Actor = None,
    tag: Tags = None,
    since: Since = None,
    output: Output = Form.TABLE,
) -> None:
    """Show the newest events. With -f, continue with every new event, also after a broken connection.

    \b
    Examples:
      storax event tail
      storax event tail -f --type job.state_changed --to FAILED
      storax event tail -f --since 10m -o ndjson | jq .
    """
    if output not in (Form.TABLE, Form.WIDE, Form.NDJSON, Form.JSON, Form.IDS):
        raise UsageError("`storax event tail` cannot print this format.", hint="Use -o table, ndjson or ids.")
    from storax.models.event_log import EventLog

    filters = _filters(job=job, type_=type_, entity=entity, to=to, actor=actor, tag=tag)
    newest = EventLog.objects.order_by("-position")[:1].values_list("position", flat=True)
    last = newest[0] if newest else 0
    query = EventLog.objects.filter(**filters, **_since(since)).filter(position__lte=last)
    events = list(query.order_by("position")) if since else list(query.order_by("-position")[:lines])[::-1]
    past_events: Iterable[Mapping[str, Any]] = (event.to_dict() for event in events)
    following = follow_log(EventLog.objects.filter(**filters), after=last) if follow else ()
    for event in chain(past_events, following):
        _print_line(event, output)


def follow_log(query: "EventLogQuery", *, after: int) -> Iterator[dict[str, Any]]:
    """Yield every event behind the position ``after`` that matches, as the server pushes it, without end.

    A server that was restored to an older state goes on behind the last position that it kept.

    Raises:
        StoraxError: the server refuses, or cannot be reached at first; later it may be away for any time.
    """
    from storax.errors import Restored

    while True:
        try:
            with query.stream(after, patience=None, on_outage=_note_outage) as events:
                yield from (event.to_dict() for event in events)
        except Restored as error:
            note(f"{error.message}. Continuing after position {error.restored_to}.")
            after = error.restored_to


def _note_outage(error: "Unavailable") -> None:
    note(f"{error.message} Continuing when it is back.")


def _print_line(event: Mapping[str, Any], form: Form) -> None:
    if form in (Form.JSON, Form.NDJSON):
        text = json_text(plain(event), sys.stdout)
    elif form is Form.IDS:
        text = str(event["position"])
    else:
        move = f"{event['from_state']} -> {event['to_state']}" if event["to_state"] else ""
        moment = str(plain(event["timestamp"]))[:19]
        cells = (event["position"], moment, event["type"], event["entity_id"], move, message_of(event))
        text = "  ".join(text_of(cell) for cell in cells if cell != "")
    say_exactly(text)
    sys.stdout.flush()


def _filters(*, tag: list[str] | None = None, **options: Any) -> dict[str, Any]:
    names = {"job": "job_id", "type_": "type", "to": "to_state", "id_": "entity_id", "command": "command_id"}
    names |= {"batch_job": "batch_job_id"}
    filters = {names.get(name, name): value for name, value in options.items() if value}
    if "to_state" in filters:
        filters["to_state"] = [state.upper() for state in filters["to_state"]]
    return {**filters, "tags": pairs(tag, "--tag")} if tag else filters


def _until(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    return {"position__lte": int(text)} if text.isdecimal() else {"timestamp_before": when(text)}


def _since(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    return {"position__gt": int(text)} if text.isdecimal() else {"timestamp_after": when(text)}

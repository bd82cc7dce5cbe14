"""Rules of single resources beyond their declarations. Generic commands distinguish resources only here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storax_core.commands import apps, create_jobs, graph, leases, locks, transfers, transitions, users
from storax_core.commands.web import saved_views
from storax_core.commands.webhooks import rules as webhooks
from storax_core.database.connections import Connection
from storax_core.errors import Forbidden, IllegalMove, Invalid
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Change, Facts, Patch, Row
from storax_core.log.append import Context
from storax_core.resources import BATCH_JOBS, Resource

Ids = Sequence[int]
Create = Callable[[Connection, Context, Sequence[Row]], Awaitable[list[Row]]]
Delete = Callable[[Connection, Context, Ids, Row], Awaitable[tuple[int, list[int]]]]
# BatchJobs of these at sites whose agents have tokens of their own.
SET_BY_AGENT = """SELECT b.id FROM batch_job b WHERE b.id = ANY($1::bigint[]) AND b.owner_id IS NOT DISTINCT FROM $2
AND EXISTS (SELECT FROM token t WHERE t.site_id = b.site_id AND (t.expires_at IS NULL OR t.expires_at > now()))
ORDER BY b.id LIMIT 1"""


async def nothing(*_: Any) -> None:
    """Add no rule."""


async def _no_graph(
    _conn: Connection, facts: Sequence[Facts], _to: Mapping[int, str], **_how: bool
) -> tuple[Sequence[Facts], list[int]]:
    """Leave the facts as they are: no other row changes with these."""
    return facts, []


async def _hold_nothing(*_: Any, **_how: bool) -> tuple[list[int], None]:
    """Hold no row back."""
    return [], None


async def _bring_nothing(*_: Any) -> list[Change]:
    """Change no other row."""
    return []


@dataclass(frozen=True)
class ResourceRules:
    """The rules of one resource; those that are left out are the same for all.

    ``before_create`` checks new rows and ``before_update`` patches; they may complete them, or raise.
    ``after_create`` gets the new ids, ``after_change`` the changes that were appended with new states. ``facts`` are
    the columns that ``transition`` reads; ``rejoin`` adds to them and names the rows that ``bring_back`` changes with
    these. ``held_back`` names the rows that an update by a filter leaves as they are. ``create``, ``create_one``
    and ``delete`` stand in place of the general commands.
    """

    before_create: Callable[[Connection, Context, Sequence[Row]], Awaitable[None]] = nothing
    after_create: Callable[[Connection, Context, Ids], Awaitable[None]] = nothing
    before_update: Callable[[Connection, Context, Sequence[Patch]], Awaitable[None]] = nothing
    after_change: Callable[[Connection, Context, Sequence[Change]], Awaitable[None]] = nothing
    facts: str = locks.FACTS
    transition: Callable[..., Change] | None = None
    rejoin: Callable[..., Awaitable[tuple[Sequence[Facts], list[int]]]] = _no_graph
    held_back: Callable[..., Awaitable[tuple[list[int], IllegalMove | None]]] = _hold_nothing
    bring_back: Callable[[Connection, Context, Ids], Awaitable[list[Change]]] = _bring_nothing
    create: Create | None = None
    create_one: Callable[[Connection, Context, Row], Awaitable[Row]] | None = None
    delete: Delete | None = None


async def _leave_scheduler_id_to_the_agent(conn: Connection, ctx: Context, patches: Sequence[Patch]) -> None:
    """Leave ``scheduler_id`` to the agent: it becomes an argument of the scheduler's commands.

    An agent of an earlier release calls with its owner's token, so the rule holds where the site has one of its own.
    Raises Forbidden.
    """
    named = [patch.id for patch in patches if "scheduler_id" in patch.fields]
    if not named or ctx.site_id is not None:
        return
    number = await conn.fetchval(SET_BY_AGENT, named, ctx.owner_id)
    if number is not None:
        raise Forbidden(
            f"scheduler_id of batch job {number} is set by the agent of its site alone",
            hint="To end an allocation, delete its BatchJob, or set its state to pending_deletion.",
        )


async def _fit_partitions(_conn: Connection, _ctx: Context, rows: Sequence[Row]) -> None:
    """Keep the partitions of new BatchJobs within their nodes; nothing else could run there. Raises Invalid."""
    for place, row in enumerate(rows):
        wanted = sum(part.get("num_nodes", 1) for part in row.get("partitions") or ())
        nodes = row.get("num_nodes", BATCH_JOBS.fields["num_nodes"].default)
        if wanted > nodes:
            which = f"batch job {place} of this call" if len(rows) > 1 else "the batch job"
            raise Invalid(
                f"the partitions ask for {wanted} nodes, but {which} has {nodes}",
                hint=f"Set num_nodes to at least {wanted}, or ask for fewer in the partitions.",
            )


_GENERAL = ResourceRules()
_RULES = {
    "app": ResourceRules(before_create=apps.check_new, before_update=apps.check_patches),
    "batch_job": ResourceRules(
        before_create=_fit_partitions,
        before_update=_leave_scheduler_id_to_the_agent,
        after_change=leases.end_sessions_of,
    ),
    "job": ResourceRules(
        create=create_jobs.create_jobs,
        create_one=create_jobs.create_job,
        before_update=create_jobs.check_patches,
        facts=locks.USER_FACTS,
        transition=rules.user_transition,
        rejoin=graph.rejoin,
        held_back=graph.held_back,
        bring_back=graph.bring_back,
        after_change=transitions.settle,
        delete=transitions.delete_jobs,
    ),
    "saved_view": ResourceRules(before_create=saved_views.check_new, before_update=saved_views.check_patches),
    "session": ResourceRules(
        before_create=leases.check_allocations, after_create=leases.begin, delete=leases.delete_sessions
    ),
    "token": ResourceRules(delete=users.delete_tokens),
    "transfer_item": ResourceRules(after_change=transfers.settle),
    "webhook": ResourceRules(
        before_create=webhooks.check_new, after_create=webhooks.begin, before_update=webhooks.check_patches
    ),
}


def rules_of(resource: Resource) -> ResourceRules:
    """The rules of this resource."""
    return _RULES.get(resource.entity, _GENERAL)

"""Acquire: lease jobs to a session. Redis only hints at candidates; the claim in Postgres decides.

A claim is one statement: lock the session, pick and lock jobs, lease them, append an event for each. Jobs are
taken by priority, then age. With ``max_aggregate_nodes`` or ``sort_by`` the first ``WINDOW`` of them that fit are put
into packing order, and taken while their running sum of nodes stays within the limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from storax_core.database.aliases import source
from storax_core.database.connections import Connection
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import Row
from storax_core.lifecycle.states import JOB_RUNNABLE, JOB_TAKEABLE
from storax_core.log.append import Context, Pick, append_picked
from storax_core.queries import select
from storax_core.queries.capacity import Nodes, held
from storax_core.resources import BATCH_JOBS, JOBS
from storax_core.resources.batch_job import SUBMITTABLE
from storax_core.resources.job import HOOK_IS_NEXT, STILL_TAKEABLE, TAKEABLE, UNLEASED, first_in_line
from storax_core.resources.types import BigId, Tags

WINDOW = 10_000
BY_AGE = first_in_line("s")
SMALL_FIRST = "s.num_nodes, s.node_packing_count DESC, s.wall_time_min DESC, s.id"
LONG_LARGE_FIRST = "s.wall_time_min DESC, s.num_nodes DESC, s.node_packing_count DESC, s.id"
# Those of the hinted ids $1 that may still be taken, with their priority, in the order in which they are taken.
LIVE_JOBS = f"""SELECT id, priority FROM job_state
WHERE id = ANY($1::bigint[]) AND {STILL_TAKEABLE} ORDER BY {first_in_line("job_state")}"""  # noqa: S608
LIVE_BATCH_JOBS = f"SELECT id, 0 AS priority FROM batch_job WHERE id = ANY($1::bigint[]) AND {SUBMITTABLE} ORDER BY id"  # noqa: S608
APP_VERSION = ", (SELECT a.version FROM app a WHERE a.id = t.app_id) AS app_version_"
Limit = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Sum = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class Acquire(BaseModel):
    """The limits of a claim of jobs. Null sets no limit; zero is a limit of zero."""

    model_config = ConfigDict(extra="forbid")

    max_num_jobs: int = Field(default=1, strict=True, ge=1, le=2048, description="At most this many.")
    max_wall_time_min: Limit | None = Field(default=None, description="No job longer than this, in minutes.")
    max_nodes_per_job: Limit | None = Field(default=None, description="No job wider than this.")
    max_aggregate_nodes: Sum | None = Field(default=None, description="Sum of num_nodes/node_packing_count.")
    serial_only: bool = Field(default=False, description="Only jobs of one node and one rank.")
    sort_by: Literal["long_large_first"] | None = Field(default=None, description="Packing order.")
    nodes: Nodes | None = Field(default=None, description="Only jobs that these nodes can hold, and any hook.")
    beyond: Nodes | None = Field(default=None, description="Only jobs that none of these places can hold.")
    filter_tags: Tags = Field(default_factory=dict, description="Only jobs with these tags.")
    states: list[Literal[*map(str, JOB_TAKEABLE)]] | None = Field(  # type: ignore[valid-type]
        default=[str(state) for state in JOB_RUNNABLE],
        description="Only jobs in these states. The default are those that may run; null adds those before a hook.",
    )
    app_ids: list[BigId] | None = Field(default=None, description="Only jobs of these Apps.")

    @property
    def constrained(self) -> bool:
        """Whether anything but the number is limited. Then the head of the queue is not enough."""
        if self.states is not None and not {*JOB_RUNNABLE} <= {*self.states}:
            return True
        free = Acquire(max_num_jobs=self.max_num_jobs, states=self.states)
        return bool(self.model_fields_set - {"max_num_jobs", "states"}) and self != free

    @property
    def order_by(self) -> str:
        """SQL of the order in which jobs are taken."""
        if self.sort_by:
            return LONG_LARGE_FIRST
        return BY_AGE if self.max_aggregate_nodes is None else SMALL_FIRST


class AcquireBatchJobs(BaseModel):
    """The limit of a claim of BatchJobs."""

    model_config = ConfigDict(extra="forbid")

    max_num: int = Field(default=1, strict=True, ge=1, le=100, description="At most this many.")


@dataclass(frozen=True)
class Holder:
    """The session that claims. None of its fields changes while it lives."""

    id: int
    owner_id: int
    site_id: int
    batch_job_id: int | None
    ttl_sec: int


HOLDER_FIELDS = tuple(field.name for field in fields(Holder))


async def claim(
    conn: Connection, ctx: Context, holder: Holder, ask: Acquire, candidates: Sequence[int] | None = None,
    *, more: str | None = None,
) -> list[Any]:  # fmt: skip
    """Lease up to ``max_num_jobs`` to the holder, in one statement; ``more`` is as for ``append_picked``.

    ``candidates`` are the ids to choose from; None: all. Those that another session holds by now are passed over. A
    session that has ended gets nothing.
    """
    where = select.Where([holder.owner_id, holder.site_id])
    if candidates is None:
        where.parts += ["s.owner_id = $1::bigint", "s.site_id = $2::bigint", TAKEABLE]
    else:  # the ids alone choose the index
        where.parts += [f"s.{name} IS NOT DISTINCT FROM ${n}::bigint" for n, name in ((1, "owner_id"), (2, "site_id"))]
        where.parts += [f"s.id = ANY({where.param(list(candidates))}::bigint[])", STILL_TAKEABLE]
    _narrow(ask, where)
    ctes = f"{_alive(where.param(holder.id))},\n{_picked(ask, where)}"
    change = rules.lease_jobs(holder.id, holder.batch_job_id)
    return await append_picked(conn, ctx, JOBS, Pick(ctes, where.params, ask.order_by), change, more)


async def claim_alone(conn: Connection, ctx: Context, holder: Holder, ask: Acquire, job_id: int) -> list[Any]:
    """As ``claim`` of one job, in a transaction of its own, which keeps the id under the call's key.

    The row has the version of its App as ``app_version_``. Raises asyncpg.UniqueViolationError where another try of the
    call was first.
    """
    return await claim(conn, ctx, holder, ask, [job_id], more=APP_VERSION)


def _alive(session: str) -> str:
    """SQL of the CTE ``alive``: the session, kept from being deleted until commit; no row when it is gone.

    A claim does not extend its life: the poll of a holder that was cut off goes on claiming.
    """
    return f"""alive AS MATERIALIZED (SELECT id FROM session WHERE id = {session}::bigint AND owner_id = $1::bigint
  FOR KEY SHARE)"""  # noqa: S608


def _narrow(ask: Acquire, where: select.Where) -> None:
    """Add the limits that a job must meet."""
    if ask.states is not None:
        where.parts.append(f"s.state = ANY({where.param(ask.states)}::text[])")
    if ask.max_wall_time_min is not None:
        where.parts.append(f"s.wall_time_min <= {where.param(ask.max_wall_time_min)}::int")
    if ask.max_nodes_per_job is not None:
        where.parts.append(f"s.num_nodes <= {where.param(ask.max_nodes_per_job)}::int")
    if ask.serial_only:
        where.parts.append("s.num_nodes = 1 AND s.ranks_per_node = 1")
    if ask.nodes is not None:
        where.parts.append(f"({HOOK_IS_NEXT} OR {held(ask.nodes, where)})")
    if ask.beyond is not None:
        where.parts.append(f"NOT ({HOOK_IS_NEXT} OR {' OR '.join(held([place], where) for place in ask.beyond)})")
    if ask.app_ids is not None:
        where.parts.append(f"t.app_id = ANY({where.param(ask.app_ids)}::bigint[])")
    if ask.filter_tags:
        where.parts.append(f"t.tags @> {where.param(orjson.dumps(ask.filter_tags).decode())}::jsonb")


def _picked(ask: Acquire, where: select.Where) -> str:
    """SQL of the CTE ``pick``: the locked ids to claim. What another claim has locked is passed over."""
    tables = source(JOBS, state_only=not any("t." in p for p in where.parts))
    if ask.order_by == BY_AGE:
        # EXISTS holds the fence before the first row and leaves the index's order alone, as a join would not.
        return f"""pick AS MATERIALIZED (SELECT s.id FROM {tables} WHERE {where.sql} AND EXISTS (SELECT FROM fence)
  AND EXISTS (SELECT FROM alive)
  ORDER BY {BY_AGE} LIMIT {ask.max_num_jobs} FOR UPDATE OF s SKIP LOCKED)"""  # noqa: S608
    return f"""chosen AS MATERIALIZED ({_packed(ask, where, tables)}),
pick AS MATERIALIZED (SELECT j.id FROM job_state j, fence, alive WHERE j.id = ANY(ARRAY(SELECT id FROM chosen))
  AND {UNLEASED} FOR UPDATE OF j SKIP LOCKED)"""  # noqa: S608


def _packed(ask: Acquire, where: select.Where, tables: str) -> str:
    """SQL for the ids that fit together, in packing order."""
    fits = "true"
    if ask.max_aggregate_nodes is not None:
        fits = f"footprint <= {where.param(ask.max_aggregate_nodes)}::float8 + 1e-9"
    return f"""SELECT id FROM (
  SELECT s.id, row_number() OVER w AS rank, sum(s.num_nodes::float8 / s.node_packing_count) OVER w AS footprint
  FROM (SELECT s.* FROM {tables} WHERE {where.sql} ORDER BY {BY_AGE} LIMIT {WINDOW}) s
  WINDOW w AS (ORDER BY {ask.order_by} ROWS UNBOUNDED PRECEDING)) ranked
WHERE {fits} ORDER BY rank LIMIT {ask.max_num_jobs}"""  # noqa: S608


async def claim_batch_jobs(
    conn: Connection, ctx: Context, holder: Holder, limit: int, candidates: Sequence[int] | None = None
) -> list[Any]:
    """Lease BatchJobs that wait for submission to the holder, oldest first."""
    ids = list(candidates) if candidates is not None else None
    ctes = f"""{_alive("$5")},
pick AS MATERIALIZED (SELECT b.id FROM batch_job b, fence, alive WHERE b.owner_id = $1::bigint AND b.site_id = $2
  AND {SUBMITTABLE} AND ($3::bigint[] IS NULL OR b.id = ANY($3::bigint[]))
  ORDER BY b.id LIMIT $4 FOR UPDATE OF b SKIP LOCKED)"""  # noqa: S608
    pick = Pick(ctes, (holder.owner_id, holder.site_id, ids, limit, holder.id), "t.id")
    return await append_picked(conn, ctx, BATCH_JOBS, pick, rules.lease_batch_jobs(holder.id))


def plain(rows: Sequence[Any]) -> list[Row]:
    """Claimed rows of one kind as dictionaries, without what the server adds for itself: it stands first and last.

    The rows of a repeated call are dictionaries already.
    """
    if not rows or isinstance(rows[0], dict):
        return list(rows)
    columns = list(rows[0].keys())
    own = [place for place, name in enumerate(columns) if not name.endswith("_")]
    fields = slice(own[0], own[-1] + 1)
    names = columns[fields]
    # A slice of a row is half the time of a look-up of each value by its name.
    return [dict(zip(names, row[fields], strict=True)) for row in rows]

"""Acquire: hand runnable work to a session. Redis only hints at candidates; the claim in Postgres is the truth.

Jobs go by priority, then age. With ``max_aggregate_nodes`` or ``sort_by`` the first ``WINDOW`` jobs by priority and age
that fit are put into packing order, and taken while their running sum of nodes stays within the limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from storax_core.commands import leases
from storax_core.database.connections import Connection
from storax_core.lifecycle.change import Row
from storax_core.lifecycle.states import JOB_TAKEABLE
from storax_core.log import sql
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.queries.capacity import Nodes, held
from storax_core.resources import BATCH_JOBS, JOBS
from storax_core.resources.aliases import column, source
from storax_core.resources.types import BigId, Tags

Runnable = Literal["PREPROCESSED", "RESTART_READY", "STAGED_IN", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT"]
RUNNABLE = f"({', '.join(repr(str(state)) for state in JOB_TAKEABLE)})"
HOOK_IS_NEXT = "s.state NOT IN ('PREPROCESSED', 'RESTART_READY')"  # of what is runnable; it takes one core
WINDOW = 10_000
BY_AGE = "s.priority DESC, s.id"
SMALL_FIRST = "s.num_nodes, s.node_packing_count DESC, s.wall_time_min DESC, s.id"
LONG_LARGE_FIRST = "s.wall_time_min DESC, s.num_nodes DESC, s.node_packing_count DESC, s.id"
Limit = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Sum = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class Acquire(BaseModel):
    """What a session asks for. A null limit is no limit; zero is zero."""

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
    states: list[Runnable] | None = Field(default=None, description="Runnable states.")
    app_ids: list[BigId] | None = Field(default=None, description="Only jobs of these Apps.")

    @property
    def constrained(self) -> bool:
        """Whether anything but the number is asked; then the queue's head alone cannot answer."""
        return bool(self.model_fields_set - {"max_num_jobs"}) and self != Acquire(max_num_jobs=self.max_num_jobs)


class AcquireBatchJobs(BaseModel):
    """What a session asks for when it submits BatchJobs."""

    model_config = ConfigDict(extra="forbid")

    max_num: int = Field(default=1, strict=True, ge=1, le=100, description="At most this many.")


@dataclass(frozen=True)
class Holder:
    """The session that asks; nothing of this changes while it lives."""

    id: int
    owner_id: int
    site_id: int
    batch_job_id: int | None


def _fits(ask: Acquire, where: select.Where) -> None:
    where.parts += [f"s.state IN {RUNNABLE}", "s.session_id IS NULL"]
    if ask.states is not None:
        where.parts.append(f"s.state = ANY({where.param(ask.states)}::text[])")
    where.parts.append("(s.not_before IS NULL OR s.not_before <= now())")
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


def _order(ask: Acquire) -> str:
    if ask.sort_by:
        return LONG_LARGE_FIRST
    return BY_AGE if ask.max_aggregate_nodes is None else SMALL_FIRST


def _picked(ask: Acquire, where: select.Where) -> str:
    """SQL of the CTE ``pick``: the locked ids to claim. What another claim has locked is passed over."""
    tables = source(JOBS, hot_only=not any("t." in p for p in where.parts))
    if _order(ask) == BY_AGE:
        # EXISTS holds the fence before the first row and leaves the index's order alone, as a join would not.
        return f"""pick AS MATERIALIZED (SELECT s.id FROM {tables} WHERE {where.sql} AND EXISTS (SELECT FROM fence)
  AND EXISTS (SELECT FROM held)
  ORDER BY {BY_AGE} LIMIT {ask.max_num_jobs} FOR UPDATE OF s SKIP LOCKED)"""  # noqa: S608
    return f"""chosen AS MATERIALIZED ({_packed(ask, where, tables)}),
pick AS MATERIALIZED (SELECT j.id FROM job_state j, fence, held WHERE j.id = ANY(ARRAY(SELECT id FROM chosen))
  AND j.session_id IS NULL AND j.state IN {RUNNABLE} FOR UPDATE OF j SKIP LOCKED)"""  # noqa: S608


def _packed(ask: Acquire, where: select.Where, tables: str) -> str:
    """SQL for the ids that fit together, in packing order."""
    order, room = _order(ask), "true"
    if ask.max_aggregate_nodes is not None:
        room = f"footprint <= {where.param(ask.max_aggregate_nodes)}::float8 + 1e-9"
    return f"""SELECT id FROM (
  SELECT s.id, row_number() OVER w AS rank, sum(s.num_nodes::float8 / s.node_packing_count) OVER w AS footprint
  FROM (SELECT s.* FROM {tables} WHERE {where.sql} ORDER BY {BY_AGE} LIMIT {WINDOW}) s
  WINDOW w AS (ORDER BY {order} ROWS UNBOUNDED PRECEDING)) ranked
WHERE {room} ORDER BY rank LIMIT {ask.max_num_jobs}"""  # noqa: S608


def _held(session: str) -> str:
    """SQL of the CTE ``held``: the session, its life extended, locked until commit; no row when it is gone."""
    return f"""held AS (UPDATE session SET {leases.ALIVE} WHERE id = {session}::bigint AND owner_id = $1::bigint
  RETURNING id)"""  # noqa: S608


async def claim(
    conn: Connection, ctx: Context, holder: Holder, ask: Acquire, candidates: Sequence[int] | None = None
) -> list[Any]:
    """Lease up to ``max_num_jobs`` to the holder and extend its life, in one statement.

    Candidates that are no longer free claim nothing; a session that is gone gets nothing.
    """
    where = select.Where([holder.owner_id, holder.site_id], ["s.owner_id = $1::bigint", "s.site_id = $2::bigint"])
    if candidates is not None:
        where.parts.append(f"s.id = ANY({where.param(list(candidates))}::bigint[])")
    _fits(ask, where)
    pick = _picked(ask, where)
    session, batch, actor, command = (
        where.param(v) for v in (holder.id, holder.batch_job_id, ctx.actor, ctx.command_id)
    )
    columns = ", ".join(f"{column(JOBS, n)} AS {n}" for n in JOBS.visible)
    statement = f"""WITH fence AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({sql.FENCE})),
{_held(session)},
{pick},
s AS (UPDATE job_state j SET session_id = {session}::bigint, lease_epoch = j.lease_epoch + 1, version = j.version + 1,
  batch_job_id = coalesce({batch}::bigint, j.batch_job_id), last_update = now()
  FROM pick WHERE j.id = pick.id RETURNING j.*),
ev AS (INSERT INTO event_log ({sql.EVENT_COLUMNS}, data)
  SELECT now(), owner_id, site_id, 'job', id, version, 'job.leased', 1, {actor}, {command}::uuid, jsonb_build_object(
    'session_id', session_id, 'lease_epoch', lease_epoch, 'batch_job_id', batch_job_id) FROM s RETURNING position)
SELECT (SELECT max(position) FROM ev) AS position_, {columns}
FROM s JOIN job t ON t.id = s.id ORDER BY {_order(ask)}"""  # noqa: S608
    rows: list[Any] = await conn.fetch(statement, *where.params)
    ctx.saw(rows[0]["position_"] if rows else None)
    return rows


async def claim_batch_jobs(
    conn: Connection, ctx: Context, holder: Holder, limit: int, candidates: Sequence[int] | None = None
) -> list[Any]:
    """Lease BatchJobs that wait for submission to the holder, oldest first."""
    columns = ", ".join(f"t.{n}" for n in BATCH_JOBS.visible)
    statement = f"""WITH fence AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({sql.FENCE})),
{_held("$5")},
pick AS MATERIALIZED (SELECT b.id FROM batch_job b, fence, held WHERE b.owner_id = $1 AND b.site_id = $2
  AND b.state = 'pending_submission' AND b.session_id IS NULL AND ($3::bigint[] IS NULL OR b.id = ANY($3::bigint[]))
  ORDER BY b.id LIMIT $4 FOR UPDATE OF b SKIP LOCKED),
t AS (UPDATE batch_job b SET session_id = $5::bigint, lease_epoch = b.lease_epoch + 1, version = b.version + 1,
  last_update = now() FROM pick WHERE b.id = pick.id RETURNING b.*),
ev AS (INSERT INTO event_log ({sql.EVENT_COLUMNS}, data)
  SELECT now(), owner_id, site_id, 'batch_job', id, version, 'batch_job.leased', 1, $6, $7::uuid, jsonb_build_object(
    'session_id', session_id, 'lease_epoch', lease_epoch) FROM t RETURNING position)
SELECT (SELECT max(position) FROM ev) AS position_, {columns} FROM t ORDER BY id"""  # noqa: S608
    ids = list(candidates) if candidates is not None else None
    rows: list[Any] = await conn.fetch(
        statement, holder.owner_id, holder.site_id, ids, limit, holder.id, ctx.actor, ctx.command_id
    )
    ctx.saw(rows[0]["position_"] if rows else None)
    return rows


def plain(rows: Sequence[Any]) -> list[Row]:
    """Claimed rows as dictionaries, without the position."""
    return [{k: v for k, v in row.items() if k != "position_"} for row in rows]

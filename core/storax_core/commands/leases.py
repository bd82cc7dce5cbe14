"""Leases: heartbeat, report, release and expiry. A lease is a session's id and an epoch on a job; only an epoch bump
takes a job away, and a report that carries an older epoch is refused, by an event of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

from storax_core.commands import hook_jobs, transitions
from storax_core.commands.locks import CANCELS, REPORTED, lock_mine, require_mine
from storax_core.database import epochs, uptime
from storax_core.database.connections import Connection
from storax_core.database.session_life import touch
from storax_core.errors import Invalid, NotFound
from storax_core.lifecycle import rules
from storax_core.lifecycle.allocation_end import allocation_end
from storax_core.lifecycle.change import Change, Facts, Row
from storax_core.lifecycle.states import AGENT_STATES, HOOK_STATES, HOOKS, BatchJobState
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.resources import BATCH_JOBS, JOBS, SESSIONS
from storax_core.resources.job import MAX_LOSSES, Megabytes, Minutes
from storax_core.resources.site import AgentStatus
from storax_core.resources.types import (
    BigId,
    Count,
    JsonObject,
    JsonValue,
    KeyPaths,
    Losses,
    RowVersion,
    ShortText,
    Tags,
    TextMap,
    UtcTime,
    Whole,
)

# Sessions inside these BatchJobs, with what the scheduler says of their allocations.
INSIDE = """SELECT s.id AS session_id, b.id, b.scheduler_id, b.status_info::text AS info, b.wall_time_min, b.start_time,
  b.end_time FROM session s JOIN batch_job b ON b.id = s.batch_job_id
WHERE b.id = ANY($1::bigint[]) ORDER BY s.id FOR UPDATE OF s"""
HEARD = "UPDATE site SET last_refresh = now(), agent_status = coalesce($2::jsonb, agent_status) WHERE id = $1"
AT_ONCE = 100  # sessions that one sweep ends
# The end of a lease counts once a heartbeat after it could have been accepted.
EXPIRED = f"""SELECT id, owner_id, ttl_sec FROM session WHERE expires_at < {uptime.LAST_SERVED}
ORDER BY id LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED"""  # noqa: S608


REPORTABLE = sorted(str(state) for state in {*AGENT_STATES, *HOOK_STATES, *HOOKS})


class Move(BaseModel):
    """One state that a leased job entered at the site."""

    model_config = ConfigDict(extra="forbid")

    to: Literal[*REPORTABLE] = Field(  # type: ignore[valid-type]
        description="State entered. A hook with no decision of its own names the state it ran in."
    )
    at: UtcTime = Field(description="When, by the site's clock; kept as information only.")
    data: JsonObject = Field(default_factory=dict, description="Reason, last output lines.")


class Outcome(BaseModel):
    """The results of a run, and the fields of its job that a hook changed."""

    model_config = ConfigDict(extra="forbid")

    return_code: Whole | None = Field(default=None, description="Exit code, -N for signal N.")
    return_value: JsonValue = Field(default=None, description="JSON result.")
    tags: Tags = Field(default_factory=dict, description="A hook's new tags.")
    parameters: JsonObject = Field(default_factory=dict, description="A hook's new parameters.")
    data: JsonObject = Field(default_factory=dict, description="A hook's new data.")
    tags__merge: TextMap = Field(default_factory=dict, description="Tags that a hook set.")
    tags__remove: KeyPaths = Field(default_factory=list, description="Tags that a hook removed.")
    parameters__merge: JsonObject = Field(default_factory=dict, description="Parameters that a hook set.")
    parameters__remove: KeyPaths = Field(default_factory=list, description="Parameters that a hook removed.")
    data__merge: JsonObject = Field(default_factory=dict, description="Keys of data that a hook set.")
    data__remove: KeyPaths = Field(default_factory=list, description="Keys of data that a hook removed.")
    num_nodes: Count = Field(default=1, description="A hook's new number of nodes.")
    ranks_per_node: Count = Field(default=1, description="A hook's new ranks per node.")
    threads_per_rank: Count = Field(default=1, description="A hook's new threads per rank.")
    mem_per_node_mb: Megabytes = Field(default=0, description="A hook's new memory on each node in MiB.")
    wall_time_min: Minutes = Field(default=0, description="A hook's new expected run time in minutes; 0: not known.")
    wall_time_limit_min: Minutes = Field(default=0, description="A hook's new hard limit of a run in minutes; 0: none.")
    max_attempts: Count = Field(default=1, description="A hook's new number of attempts.")
    max_losses: Losses = Field(default=MAX_LOSSES, description="A hook's new limit of losses; 0: none.")


class Report(BaseModel):
    """A lease holder's report on one job."""

    model_config = ConfigDict(extra="forbid")

    id: BigId = Field(description="The job.")
    lease_epoch: RowVersion = Field(description="Epoch under which it was acquired.")
    attempt: Whole | None = Field(default=None, description="Number of the run; a start of one not counted is refused.")
    moves: list[Move] = Field(default_factory=list, max_length=8, description="In order.")
    release: ShortText | None = Field(default=None, description="Instead of moves: why it is given back unstarted.")
    patch: Outcome = Field(default_factory=Outcome, description="Goes with the last move.")
    jobs: list[JsonObject] = Field(
        default_factory=list, max_length=10_000, description="Jobs that a hook creates; app_name may stand for app_id."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if bool(self.moves) == (self.release is not None):
            raise ValueError("a report has moves, or release where the job is given back unstarted; one of the two")
        if self.release is not None and self.jobs:
            raise ValueError("a job that is given back unstarted creates no jobs")
        return self


class Reports(BaseModel):
    """A batch of reports."""

    model_config = ConfigDict(extra="forbid")

    reports: list[Report] = Field(max_length=10_000, description="Rows of one job and epoch count as one, in order.")


async def heartbeat(conn: Connection, owner_id: int, session_id: int, status: AgentStatus | None = None) -> Row:
    """Extend a session, note that its site was heard and what its agent says of itself.

    Returns expires_at, the jobs to cancel, and the epoch. ``restored_to`` is the last position kept when the epoch
    began, ``lease_floor`` what its leases exceed.
    """
    row = await touch(conn, owner_id, session_id)
    await conn.execute(HEARD, row["site_id"], status and status.model_dump_json())
    epoch = await epochs.current(conn)
    of_epoch = {"epoch": epoch.number, "restored_to": epoch.kept_position, "lease_floor": epoch.lease_floor}
    return {"expires_at": row["expires_at"], "cancel": await cancels(conn, session_id), **of_epoch}


async def cancels(conn: Connection, session_id: int) -> list[Row]:
    """Jobs of this session whose process is to be stopped."""
    return [dict(r) for r in await conn.fetch(CANCELS.format("$1"), session_id)]


async def report(conn: Connection, ctx: Context, session_id: int, reports: Sequence[Report]) -> Row:
    """Apply the reports of a lease holder. Each is accepted, or refused with a code, on its own.

    Repeating a report is safe: what an epoch has reported already is accepted again without effect. A session that has
    ended may still report: each job's epoch decides. What is refused has no effect but its event. Raises NotFound for a
    session that never was the caller's.
    """
    by_job, stale = _newest(reports)
    rows = await conn.fetch(REPORTED, ctx.owner_id, list(by_job), session_id)
    site_id = rows[0]["session_site"]
    if site_id is None:
        await epochs.check_id(conn, "session", session_id)
        raise NotFound(f"session {session_id} does not exist")
    facts = {f["id"]: f for f in rows if f["id"] is not None}
    await hook_jobs.merge_maps(conn, ctx, {i: by_job[i] for i in facts})
    changes, accepted = [], []
    refused = [
        {"id": i, "code": "not_found", "detail": "no such job; it was deleted"} for i in by_job if i not in facts
    ]
    refused += [{"id": i, "code": "stale_epoch", "detail": "a newer epoch stands in the same call"} for i in stale]
    for fact in facts.values():
        change, code, detail = await _apply(conn, ctx, fact, by_job[fact["id"]], site_id)
        changes.append(change)
        if code:
            refused.append({"id": fact["id"], "code": code, "detail": detail})
        else:
            accepted.append(fact["id"])
    given_up = {c.id for c in changes if "session_id" in c.patch}
    stop = [c for c in orjson.loads(rows[0]["cancels"] or "[]") if c["id"] not in given_up]
    answer = {"accepted": accepted, "refused": refused, "cancel": stop}
    await transitions.append_job_changes(conn, ctx, changes, answer=orjson.dumps(answer))
    return answer


async def _apply(conn: Connection, ctx: Context, facts: Facts, report: Row, site_id: int) -> tuple[Change, str, str]:
    """Apply one report, and create its jobs once it is certain that it is accepted."""
    if facts["site_id"] != site_id:
        return rules.report_from_elsewhere(facts, report, site_id)
    verdict = rules.apply_report(facts, report)
    change, code, _ = verdict
    if not report["jobs"] or code or not change.events:
        return verdict
    await hook_jobs.create(conn, ctx, facts, report)
    return rules.apply_report(facts, report)


def _newest(reports: Sequence[Report]) -> tuple[dict[int, Row], list[int]]:
    """One report for each job, the rows of its newest epoch joined in order; and the ids of rows with an older one."""
    by_job: dict[int, list[Report]] = {}
    stale = []
    for row in reports:
        rows = by_job.setdefault(row.id, [])
        if rows and row.lease_epoch > rows[0].lease_epoch:
            stale += [row.id] * len(rows)
            rows.clear()
        if rows and row.lease_epoch < rows[0].lease_epoch:
            stale.append(row.id)
        else:
            rows.append(row)
    return {job: _joined(rows) for job, rows in by_job.items()}, stale


def _joined(rows: Sequence[Report]) -> Row:
    """Reports of one job as plain data; free data of the site cannot name a job's fields."""
    steps = [
        {"to": m.to, "data": {**{k: v for k, v in m.data.items() if k not in JOBS.fields}, "at": m.at}}
        for row in rows
        for m in row.moves
    ]
    patch = {n: getattr(row.patch, n) for row in rows for n in row.patch.model_fields_set}
    jobs = [job for row in rows for job in row.jobs]
    release = next((row.release for row in rows if row.release is not None), None)
    attempt = max((row.attempt or 0 for row in rows), default=0)
    return {
        "lease_epoch": rows[0].lease_epoch, "attempt": attempt, "moves": steps, "patch": patch, "jobs": jobs,
        "release": release,
    }  # fmt: skip


async def end_sessions(conn: Connection, ctx: Context, ids: Sequence[int], reason: str) -> None:
    """End sessions: their running jobs time out, their unstarted ones may be taken again, all with events."""
    if not ids:
        return
    held = await conn.fetch("SELECT id FROM job_state WHERE session_id = ANY($1::bigint[])", list(ids))
    await transitions.transition_each(conn, ctx, [r["id"] for r in held], lambda f: _lost(f, ids, reason))
    await _release_batch_jobs(conn, ctx, ids)
    await append.append_deleted(conn, ctx, SESSIONS, ids, {"message": reason})


def _lost(facts: Facts, sessions: Sequence[int], reason: str) -> Change:
    return rules.lose_lease(facts, reason) if facts["session_id"] in sessions else rules.change_of(facts)


async def _release_batch_jobs(conn: Connection, ctx: Context, sessions: Sequence[int]) -> None:
    rows = await conn.fetch(
        "SELECT id, owner_id, site_id, version FROM batch_job WHERE session_id = ANY($1::bigint[])"
        " AND state = 'pending_submission' ORDER BY id FOR UPDATE",
        list(sessions),
    )
    changes = []
    for row in rows:
        change = rules.change_of(row)
        change.add("batch_job.released", {"session_id": None})
        changes.append(change)
    await append.append_changes(conn, ctx, BATCH_JOBS, changes)


async def delete_sessions(conn: Connection, ctx: Context, ids: Sequence[int], _reason: Row) -> tuple[int, list[int]]:
    """End sessions of the caller. Returns their number."""
    mine = [r["id"] for r in await lock_mine(conn, ctx.owner_id, SESSIONS, ids, "id")]
    await end_sessions(conn, ctx, mine, "its session was ended")
    return len(mine), []


async def check_allocations(conn: Connection, ctx: Context, rows: Sequence[Row]) -> None:
    """A session inside a BatchJob is at that BatchJob's site. Raises Invalid."""
    for site_id in {r["site_id"] for r in rows}:
        wanted = {r["batch_job_id"] for r in rows if r["site_id"] == site_id and r.get("batch_job_id") is not None}
        await require_mine(conn, ctx.owner_id, BATCH_JOBS, wanted)
        sql = "SELECT id FROM batch_job WHERE id = ANY($1::bigint[]) AND site_id <> $2"
        elsewhere = await conn.fetchval(sql, sorted(wanted), site_id)
        if elsewhere is not None:
            raise Invalid(
                f"batch job {elsewhere} is at another site", hint=f"Open the session at its site, not at {site_id}."
            )


async def begin(conn: Connection, ctx: Context, ids: Sequence[int]) -> None:
    """Start the life of new sessions."""
    for session_id in ids:
        await heartbeat(conn, ctx.owner_id, session_id)


async def end_sessions_of(conn: Connection, ctx: Context, changes: Sequence[Change]) -> None:
    """End the sessions inside BatchJobs that have finished."""
    finished = [c.id for c in changes if c.patch.get("state") == BatchJobState.FINISHED]
    rows = await conn.fetch(INSIDE, finished) if finished else []
    reasons = {r["session_id"]: allocation_end({**r, "status_info": orjson.loads(r["info"])}) for r in rows}
    await _end_by_reason(conn, ctx, reasons)


async def expire(conn: Connection) -> int:
    """End sessions of all owners that sent no heartbeat in time, up to ``AT_ONCE``. Returns how many."""
    rows = await conn.fetch(EXPIRED)
    for owner in sorted({r["owner_id"] for r in rows}):
        reasons = {
            r["id"]: f"session expired: no heartbeat for {r['ttl_sec']} s" for r in rows if r["owner_id"] == owner
        }
        await _end_by_reason(conn, Context(owner, "system:sweep"), reasons)
    return len(rows)


async def _end_by_reason(conn: Connection, ctx: Context, reasons: Mapping[int, str]) -> None:
    """End sessions, those with the same reason together."""
    for reason in sorted(set(reasons.values())):
        await end_sessions(conn, ctx, [session for session, why in reasons.items() if why == reason], reason)

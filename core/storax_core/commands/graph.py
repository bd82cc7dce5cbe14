"""The job graph: release or fail children when their parents end, bring descendants back with a job that failed, start
transfers when their stage is reached, and end those that no stage will reach.

Children are locked first, and their parents are read in a later statement. So of two parents that end at the same
moment in two transactions, the later one sees the other's end: no child waits for ever, none is released twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

from storax_core.commands.locks import JOB_FACTS, lock_mine
from storax_core.database.connections import Connection
from storax_core.errors import IllegalMove
from storax_core.lifecycle import rules
from storax_core.lifecycle.change import DELETED, Change, Facts, Row
from storax_core.lifecycle.parents import RUN_AGAIN, leaves_unsuccessful_end, objection
from storax_core.lifecycle.states import JOB_DONE, JOB_UNSUCCESSFUL, JobState, TransferState
from storax_core.log import append
from storax_core.log.append import Context
from storax_core.resources import JOBS, TRANSFERS
from storax_core.resources.job import ENDED, UNSUCCESSFUL

CHILDREN = "SELECT child_id FROM job_parent WHERE parent_id = ANY($1::bigint[])"
_EDGES = "LATERAL (SELECT child_id FROM job_parent WHERE parent_id = b.id OFFSET 0) e"  # of b to its children
# The waiting jobs below the jobs $1, which failed or were cancelled: all of them end too, each with its parents. OFFSET
# 0 fixes the order of the joins. Without it the planner, which does not know how many jobs wait, reads all of them anew
# for every level.
DOOMED = f"""WITH RECURSIVE below(id) AS (SELECT unnest($1::bigint[])
  UNION SELECT s.id FROM below b, {_EDGES},
    LATERAL (SELECT id, state FROM job_state WHERE id = e.child_id OFFSET 0) s,
    LATERAL (SELECT on_parent_failure FROM job WHERE id = e.child_id OFFSET 0) c
  WHERE s.state = 'AWAITING_PARENTS' AND c.on_parent_failure = 'fail')
SELECT b.id, e.parents FROM below b,
  LATERAL (SELECT array_agg(parent_id) AS parents FROM job_parent WHERE child_id = b.id OFFSET 0) e
WHERE (b.id IN (SELECT unnest($1::bigint[]))) IS NOT TRUE"""  # noqa: S608
LOCK_WAITING = f"""SELECT {JOB_FACTS} FROM job_state
WHERE id = ANY($1::bigint[]) AND (state = 'AWAITING_PARENTS') IS TRUE ORDER BY id FOR UPDATE"""  # noqa: S608
# The parents of each of the jobs $1, of which those in $2 are about to run again. An IN in an expression is looked up
# in a hash table, where a join to a list would compare every pair.
PARENTS = f"""SELECT c.id, c.on_parent_failure AS policy,
  bool_or(p.state IS NOT NULL AND (p.state NOT IN {ENDED} OR p.again)) AS waiting,
  min(e.parent_id) FILTER (WHERE p.state IS NULL) AS deleted,
  min(e.parent_id) FILTER (WHERE p.state = 'FAILED' AND NOT p.again) AS failed,
  min(e.parent_id) FILTER (WHERE p.state = 'CANCELLED' AND NOT p.again) AS cancelled
FROM job c LEFT JOIN job_parent e ON e.child_id = c.id
LEFT JOIN LATERAL (SELECT state, (s.id IN (SELECT unnest($2::bigint[]))) IS TRUE AS again
  FROM job_state s WHERE s.id = e.parent_id) p ON true
WHERE c.id = ANY($1::bigint[]) GROUP BY c.id"""  # noqa: S608
# Parents that cannot end before this transaction: none can look for waiting children before these are written.
HOLD_PARENTS = """SELECT p.id FROM job_state p
WHERE p.id IN (SELECT parent_id FROM job_parent WHERE child_id = ANY($1::bigint[])) ORDER BY p.id FOR SHARE"""
# The data of the event by which a job entered its present state. Where a parent made the job fail or be cancelled, it
# has parent_id, and root_id: the first above it that ended so by itself.
LAST_TRANSITION = """SELECT coalesce((SELECT v.data FROM event_log v
WHERE v.entity = 'job' AND v.entity_id = {0} AND v.to_state IS NOT NULL ORDER BY v.version DESC LIMIT 1),
(SELECT b.transition FROM event_baseline b WHERE b.entity = 'job' AND b.entity_id = {0})) AS data"""
# That root of each of these jobs; null where it ended by itself.
ROOTS = f"""SELECT p.id, coalesce(l.data->>'root_id', l.data->>'parent_id')::bigint AS root
FROM unnest($1::bigint[]) AS p(id), LATERAL ({LAST_TRANSITION.format("p.id")}) AS l"""  # noqa: S608
# Descendants of the jobs $1 that failed or were cancelled because of a parent, without those that another parent keeps
# from running: one that did not finish and is not among them, or was deleted.
HELD_BACK = f"""WITH RECURSIVE below(id) AS (SELECT unnest($1::bigint[])
  UNION SELECT s.id FROM below b, {_EDGES},
    LATERAL (SELECT id, state FROM job_state WHERE id = e.child_id OFFSET 0) s
  WHERE s.state IN {UNSUCCESSFUL} AND ({LAST_TRANSITION.format("s.id")}) ? 'parent_id'),
candidate AS MATERIALIZED (SELECT id FROM below WHERE (id IN (SELECT unnest($1::bigint[]))) IS NOT TRUE),
stuck(id) AS (
  SELECT b.id FROM candidate b,
    LATERAL (SELECT on_parent_failure FROM job WHERE id = b.id OFFSET 0) c,
    LATERAL (SELECT parent_id FROM job_parent WHERE child_id = b.id OFFSET 0) e
    LEFT JOIN LATERAL (SELECT id, state FROM job_state WHERE id = e.parent_id OFFSET 0) p ON true
  WHERE c.on_parent_failure = 'fail'
    AND (p.state IS NULL OR (p.state IN {UNSUCCESSFUL} AND (p.id IN (SELECT id FROM below)) IS NOT TRUE))
  UNION SELECT c.id FROM stuck b, {_EDGES},
    LATERAL (SELECT id, on_parent_failure FROM job WHERE id = e.child_id OFFSET 0) c
  WHERE c.on_parent_failure = 'fail' AND (c.id IN (SELECT id FROM candidate)) IS TRUE)
SELECT id FROM candidate WHERE (id IN (SELECT id FROM stuck)) IS NOT TRUE ORDER BY id"""  # noqa: S608
# The jobs $1, and their descendants among the jobs $2.
DEPENDENT = f"""WITH RECURSIVE below(id) AS (SELECT unnest($1::bigint[])
  UNION SELECT c.id FROM below b, {_EDGES},
    LATERAL (SELECT id, on_parent_failure FROM job WHERE id = e.child_id OFFSET 0) c
  WHERE c.on_parent_failure = 'fail' AND (c.id IN (SELECT unnest($2::bigint[]))) IS TRUE)
SELECT id FROM below"""  # noqa: S608
# How a parent ended that did not finish, and the state in which its children follow it.
_MISSING = (
    ("failed", "FAILED", JobState.FAILED),
    ("cancelled", "was cancelled", JobState.CANCELLED),
    ("deleted", "was deleted", JobState.FAILED),
)
_KINDS = {JobState.FAILED: "failed", JobState.CANCELLED: "cancelled", DELETED: "deleted"}

# Of a job that has ended. What a service has begun of an item is the agent's to end, which also removes what is left.
NOT_BEGUN = """SELECT i.id, i.owner_id, i.site_id, i.version, i.state, j.state AS job
FROM transfer_item i JOIN job_state j ON j.id = i.job_id
WHERE i.job_id = ANY($1::bigint[]) AND (i.state IN ('awaiting_job', 'pending', 'inactive')) IS TRUE
  AND i.task_id IS NULL AND NOT i.transfer_info ? 'tries' ORDER BY i.id FOR UPDATE OF i"""


async def ended_below(conn: Connection, ends: Mapping[int, str], roots: dict[int, int] | None = None) -> list[Change]:
    """Decide on all waiting jobs that end because these do, however deep; ``ends`` has their states, or ``deleted``.

    The caller has locked these, and appends the changes of all together: the events of others wait while a transaction
    appends, so whatever has to be read is read before.
    """
    edges = {r["id"]: r["parents"] for r in await conn.fetch(DOOMED, list(ends))} if ends else {}
    waiting = await conn.fetch(LOCK_WAITING, list(edges)) if edges else []
    changes = await _decide_all(conn, waiting, {} if roots is None else roots, ends=ends, edges=edges)
    return [change for change in changes if change.patch.get("state") in JOB_UNSUCCESSFUL]


def ends_of(changes: Iterable[Change]) -> dict[int, str]:
    """The jobs that end without success by these changes, and how."""
    return {c.id: c.patch["state"] for c in changes if c.patch.get("state") in JOB_UNSUCCESSFUL}


async def release_children(
    conn: Connection, ctx: Context, ended: Sequence[int], *, roots: dict[int, int] | None = None
) -> None:
    """Release, fail or cancel the children of jobs that ended or were deleted, and so on down the graph.

    ``roots`` holds the first job to fail above each of ``ended``, where it is known.
    """
    roots = {} if roots is None else roots
    while ended:
        children = await conn.fetch(CHILDREN, list(ended))
        ended = await _settle_waiting(conn, ctx, [r[0] for r in children], roots)


async def await_parents(conn: Connection, ctx: Context, jobs: Sequence[int]) -> None:
    """Settle jobs that wait for parents again: some of them may have ended parents only."""
    if jobs:
        roots: dict[int, int] = {}
        await conn.execute(HOLD_PARENTS, list(jobs))
        failed = await _settle_waiting(conn, ctx, jobs, roots)
        await release_children(conn, ctx, failed, roots=roots)


async def _settle_waiting(conn: Connection, ctx: Context, jobs: Sequence[int], roots: dict[int, int]) -> list[int]:
    """Release, fail or cancel those of these jobs that wait for parents, and end all that end because of them.

    Returns the ids of those that ended.
    """
    waiting = await conn.fetch(LOCK_WAITING, list(jobs)) if jobs else []
    if not waiting:
        return []
    changes = await _decide_all(conn, waiting, roots)
    changes += await ended_below(conn, ends_of(changes), roots)
    await append.append_changes(conn, ctx, JOBS, changes)
    await start_transfers(conn, ctx, [c.id for c in changes if c.patch.get("state") == JobState.READY], "in")
    ended = list(ends_of(changes))
    await end_transfers(conn, ctx, ended)
    return ended


async def _decide_all(
    conn: Connection,
    waiting: Sequence[Facts],
    roots: dict[int, int],
    *,
    ends: Mapping[int, str] | None = None,
    edges: Mapping[int, Sequence[int]] | None = None,
) -> list[Change]:
    """Decide on each of these jobs, parents before their children.

    ``edges`` has the parents of jobs that may end because of another one of these, or of ``ends``, which are not
    written yet.
    """
    ended, edges = dict(ends or {}), edges or {}
    locked = {w["id"]: w for w in waiting}
    summary = {r["id"]: r for r in await conn.fetch(PARENTS, list(locked), [])} if locked else {}
    await _add_roots(conn, roots, {r["failed"] or r["cancelled"] for r in summary.values()} - {None} - ended.keys())
    changes = []
    for job in TopologicalSorter({i: [p for p in edges.get(i, ()) if p in locked] for i in locked}).static_order():
        change = _decide(locked[job], _with_ends(summary[job], edges.get(job, ()), ended), roots)
        ended |= ends_of([change])
        changes.append(change)
    return changes


async def _add_roots(conn: Connection, roots: dict[int, int], failed: set[int]) -> None:
    """Add the first job to fail above each of these jobs that failed before; of one that failed by itself, itself."""
    if unknown := failed - roots.keys():
        roots |= {r["id"]: r["root"] or r["id"] for r in await conn.fetch(ROOTS, list(unknown))}


def _with_ends(summary: Any, parents: Iterable[int], ended: Mapping[int, str]) -> Row:
    """Return the summary of a job's parents with those of them that have ended since."""
    after = dict(summary)
    for parent in parents:
        if parent in ended:
            kind = _KINDS[ended[parent]]
            after[kind] = min(parent, after[kind] or parent)
    return after


def _decide(facts: Facts, summary: Any, roots: dict[int, int]) -> Change:
    change, mine = rules.change_of(facts), dict(facts)
    missing = _missing_parent(summary) if summary["policy"] == "fail" else None
    if missing:
        parent, how, end = missing
        root = roots[facts["id"]] = roots.get(parent, parent)
        first = "" if root == parent else f"; the first was job {root}"
        reason = {"message": f"parent job {parent} {how}{first}", "parent_id": parent, "root_id": root}
        rules.enter(change, mine, end, reason)
    elif not summary["waiting"]:
        rules.enter(change, mine, JobState.READY, {})
    return change


def _missing_parent(summary: Any) -> tuple[int, str, JobState] | None:
    """A parent that will not finish, how it ended, and the state that follows for its child; a failure comes first."""
    for kind, how, end in _MISSING:
        if summary[kind]:
            return summary[kind], how, end
    return None


async def end_transfers(conn: Connection, ctx: Context, jobs: Sequence[int]) -> None:
    """End the transfers of these jobs, which ended too early for them. The agent ends those that it has begun."""
    items = await conn.fetch(NOT_BEGUN, list(jobs)) if jobs else []
    reasons = [{"transfer_info": {"error": f"not moved: its job is {item['job']}"}} for item in items]
    await _move_transfers(conn, ctx, items, TransferState.ERROR, reasons)


async def rejoin(
    conn: Connection, facts: Sequence[Facts], to: Mapping[int, str], *, descendants: bool
) -> tuple[Sequence[Facts], list[int]]:
    """Find what is to be known of locked jobs before they change their states: ``to`` has the new ones.

    Returns the facts, those of ended jobs that run again with ``parents``, and the ids of the descendants that failed
    only because of one of these jobs and come back with it.
    """
    ends = {f["id"]: to.get(f["id"], f["state"]) for f in facts if f["state"] in JOB_DONE}
    if not ends:
        return facts, []
    repaired = [f["id"] for f in facts if f["id"] in ends and leaves_unsuccessful_end(f, ends[f["id"]])]
    back = [r["id"] for r in await conn.fetch(HELD_BACK, repaired)] if repaired and descendants else []
    again = [i for i, state in ends.items() if state not in JOB_DONE]
    parents = await _parents_of(conn, again, [*again, *repaired, *back])
    return [{**f, "parents": parents.get(f["id"])} for f in facts], [i for i in back if i not in to]


async def held_back(
    conn: Connection, owner_id: int, jobs: Sequence[int], to: str, *, descendants: bool
) -> tuple[list[int], IllegalMove | None]:
    """Return those of these jobs that cannot run again because of a parent, and an error that names one of each."""
    if to not in RUN_AGAIN:
        return [], None
    held: set[int] = set()
    first: IllegalMove | None = None
    while left := [i for i in jobs if i not in held]:
        locked = await lock_mine(conn, owner_id, JOBS, left, JOB_FACTS)
        known, _ = await rejoin(conn, locked, dict.fromkeys(left, to), descendants=descendants)
        errors = {f["id"]: error for f in known if (error := objection(f))}
        if not errors:
            break
        first = first or errors[min(errors)]
        held |= {r["id"] for r in await conn.fetch(DEPENDENT, list(errors), left)}
    return sorted(held), first


async def _parents_of(conn: Connection, jobs: Sequence[int], again: Sequence[int]) -> dict[int, Any]:
    """Summarize the parents of each of these jobs, held as they are; those in ``again`` are about to run."""
    if not jobs:
        return {}
    await conn.execute(HOLD_PARENTS, list(jobs))
    return {r["id"]: r for r in await conn.fetch(PARENTS, list(jobs), list(again))}


async def bring_back(conn: Connection, ctx: Context, jobs: Sequence[int]) -> list[Change]:
    """Have these jobs, which failed because of a parent, wait for their parents again."""
    locked = await lock_mine(conn, ctx.owner_id, JOBS, jobs, JOB_FACTS) if jobs else []
    changes = [rules.wait_again(f) for f in locked if f["state"] in JOB_UNSUCCESSFUL]
    await append.append_changes(conn, ctx, JOBS, changes)
    return changes


async def start_transfers(conn: Connection, ctx: Context, jobs: Sequence[int], direction: str) -> None:
    """Start the transfers of one direction of these jobs, also those that were done or failed before."""
    if not jobs:
        return
    items = await conn.fetch(
        "SELECT id, owner_id, site_id, version, state FROM transfer_item WHERE job_id = ANY($1::bigint[])"
        " AND direction = $2 AND state IN ('awaiting_job', 'done', 'error') ORDER BY id FOR UPDATE",
        list(jobs),
        direction,
    )
    await _move_transfers(conn, ctx, items, TransferState.PENDING, [{} for _ in items])


async def _move_transfers(
    conn: Connection, ctx: Context, items: Sequence[Facts], to: TransferState, data: Sequence[Row]
) -> None:
    """Have these locked items enter a state, each with its data."""
    changes = [rules.change_of(item) for item in items]
    for change, item, patch in zip(changes, items, data, strict=True):
        change.add("transfer_item.state_changed", patch, was=item["state"], to=to)
    await append.append_changes(conn, ctx, TRANSFERS, changes)

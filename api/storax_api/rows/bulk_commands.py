"""Commands about the rows that a query matches, for REST and the web page alike: cancel, retry, change, delete."""

from typing import Any

from storax_api.schemas import Retry, Selection
from storax_api.service import Command
from storax_core.commands import delete, transitions, update
from storax_core.database.connections import Connection
from storax_core.lifecycle.states import JOB_DONE, JOB_UNSUCCESSFUL, JobState
from storax_core.log.append import Context
from storax_core.queries import select
from storax_core.resources import JOBS, Resource


def cancel(ask: Selection) -> Command:
    """Return the command that cancels the jobs that match."""

    async def command(conn: Connection, ctx: Context) -> Any:
        query = select.Query(filter=ask.filter, exclude=ask.exclude)
        ids = await select.matching_ids(conn, JOBS, ctx.owner_id, query)
        return await transitions.cancel_jobs(conn, ctx, ids)

    return command


def retry(ask: Retry) -> Command:
    """Return the command that runs the ended jobs that match again, or counts them."""
    ended = [str(state) for state in (JOB_DONE if ask.finished else JOB_UNSUCCESSFUL)]
    how = update.How(descendants=ask.descendants, dry_run=ask.dry_run)

    async def command(conn: Connection, ctx: Context) -> Any:
        query = select.Query(filter=ask.filter, exclude=[*ask.exclude, {"state__ne": ended}])
        patch = {"state": JobState.RESTART_READY}
        answer = await update.update_where(conn, ctx, JOBS, query, patch, how=how)
        return {"retried": answer.pop("updated"), "brought_back": 0, "left": 0, **answer}

    return command


def delete_matching(resource: Resource, query: select.Query) -> Command:
    """Return the command that deletes the rows that match."""

    async def command(conn: Connection, ctx: Context) -> Any:
        gone, held = await delete.delete_where(conn, ctx, resource, query)
        return {"deleted": gone, "not_deleted": held}

    return command


def change_matching(resource: Resource, ask: Selection, patch: dict[str, Any], how: update.How) -> Command:
    """Return the command that applies one patch to the rows that match."""

    async def command(conn: Connection, ctx: Context) -> Any:
        query = select.Query(filter=ask.filter, exclude=ask.exclude)
        return await update.update_where(conn, ctx, resource, query, patch, how=how)

    return command

"""Create a job in one statement: its App is known from before, and the statement checks that it is still the same."""

from collections import OrderedDict
from typing import Any

from storax_core.commands.create_jobs import check_parameters, find_apps, inherit, set_first_state
from storax_core.database.connections import Connection
from storax_core.errors import Invalid
from storax_core.lifecycle.change import Row
from storax_core.lifecycle.states import JOB_TAKEABLE
from storax_core.log import one_round_trip
from storax_core.log.append import Context, json_lines

LINKED = ("parent_ids", "parent_refs", "transfers")  # fields of jobs that need more than one statement
APPS_KNOWN, NAMES_KNOWN = 4096, 4096  # Apps of a process, and characters of the parameter names of each


class RecentApps:
    """The Apps of recent calls, by owner and id. They may be out of date, so who uses one checks its version."""

    def __init__(self) -> None:
        self._apps: OrderedDict[tuple[int, int], Row] = OrderedDict()

    async def find(self, conn: Connection, owner_id: int, app_id: int) -> Row:
        """Return what a new job of the App must match, with the App's version. Raises Invalid for a missing App."""
        app = self._apps.get((owner_id, app_id))
        if app is None:
            app = (await find_apps(conn, owner_id, {app_id}))[app_id]
            if sum(map(len, app["known"])) <= NAMES_KNOWN:
                self._apps[owner_id, app_id] = app
            while len(self._apps) > APPS_KNOWN:
                self._apps.popitem(last=False)
        return app

    def forget(self, owner_id: int, app_id: int) -> None:
        """Read the App anew when it is needed next."""
        self._apps.pop((owner_id, app_id), None)


async def create_job(conn: Connection, ctx: Context, apps: RecentApps, new_row: Row) -> bytes | None:
    """Create one job, and keep the answer under its key where the call has one. Returns the answer as JSON.

    None: nothing was done, because the job has links, its App changed, or the row is refused; the ordinary command
    then does it, or says what is wrong. Raises asyncpg.UniqueViolationError where another call with the key was first.
    """
    if any(new_row.get(name) for name in LINKED):
        return None
    try:
        app = await apps.find(conn, ctx.owner_id, new_row["app_id"])
        if app["transfers"]:
            return None
        row = _whole_row(new_row, app)
    except Invalid:  # what is known of the App may be out of date
        answer = None
    else:
        answer = await _write(conn, ctx, row, app["version"])
    if answer is None:
        apps.forget(ctx.owner_id, new_row["app_id"])
    return answer


async def _write(conn: Connection, ctx: Context, row: Row, app_version: int) -> bytes | None:
    record: Any = await conn.fetchrow(
        one_round_trip.create_job(), json_lines([row]), ctx.owner_id, ctx.actor, ctx.command_id, row["app_id"],
        app_version, ctx.fingerprint,
    )  # fmt: skip
    if record is None:
        return None
    ctx.advance_position(record["position_"])
    if row["state"] in JOB_TAKEABLE:
        ctx.ready.append((row["site_id"], record["id"], row.get("priority", 0)))
    return bytes(record["answer"], "utf-8")


def _whole_row(new_row: Row, app: Row) -> Row:
    """Return the row as it is stored, without its id. Raises Invalid."""
    row = {name: value for name, value in new_row.items() if name not in ("parent_refs", "transfers")}
    check_parameters(row, app, "the job")
    inherit(row, app)
    row["site_id"] = app["site_id"]
    set_first_state(row, {}, [])
    return row

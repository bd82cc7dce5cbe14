"""Health checks: ``python health.py api|feeder|tasks|agent``. Exit 0 when the part works, 1 with one sentence.

Each checks the effect and not the process: the container's runtime notices by itself when a process ends.
"""

import asyncio
import os
import socket
import sys
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from entry import resolved

WAIT_SEC = 5.0
LATE_SEC = 60  # a feeder that is this far behind does not do its work
SILENT_SEC = 120  # RQ's worker and the agent report far more often
FEEDER = f"""SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = 8362
  AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS led,
EXISTS (SELECT FROM event_log WHERE position > coalesce((SELECT position FROM feed WHERE name = 'published'), 0)
  AND timestamp < now() - interval '{LATE_SEC} s') AS late"""  # noqa: S608  (a number of ours)

# A login that an earlier release created may not take on the feeder's own, to which a migration grants privileges.
TAKE_ROLE = """SELECT set_config('role', coalesce(
  (SELECT rolname FROM pg_roles WHERE rolname = 'storax_relay' AND pg_has_role(session_user, oid, 'MEMBER')
    AND has_table_privilege(oid, to_regclass('feed'), 'SELECT')),
  'storax_worker'), false)"""


def _get(url: str, token: str = "") -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=WAIT_SEC) as answer:  # noqa: S310  (http addresses from the settings)
        body: bytes = answer.read()
    return body


def api(env: Mapping[str, str]) -> str:
    """Check that the API takes calls: Postgres answers and the schema is right."""
    _get(f"http://127.0.0.1:{env.get('STORAX_PORT', '8360')}/readyz")
    return ""


def feeder(env: Mapping[str, str]) -> str:
    """Check that some feeder leads, and that the log is being published."""
    import asyncpg

    async def query() -> tuple[bool, bool]:
        connection = await asyncpg.connect(env["STORAX_DATABASE_URL"], timeout=WAIT_SEC)
        try:
            await connection.execute(TAKE_ROLE)
            row = await connection.fetchrow(FEEDER)
        finally:
            await connection.close()
        return row["led"], row["late"]

    led, late = asyncio.run(query())
    if not led:
        return "no feeder leads"
    return f"events of more than {LATE_SEC} s ago are not published" if late else ""


def tasks(env: Mapping[str, str]) -> str:
    """Check that this container's RQ worker reported lately."""
    from redis import Redis
    from rq import Worker

    connection = Redis.from_url(env["STORAX_REDIS_URL"], socket_timeout=WAIT_SEC, socket_connect_timeout=WAIT_SEC)
    workers = [w for w in Worker.all(connection=connection) if w.hostname == socket.gethostname()]
    since = datetime.now(UTC) - timedelta(seconds=SILENT_SEC)
    heartbeats = [w.last_heartbeat.replace(tzinfo=UTC) for w in workers if w.last_heartbeat]
    return "" if any(at > since for at in heartbeats) else f"no RQ worker of this container reported for {SILENT_SEC} s"


def agent(env: Mapping[str, str]) -> str:
    """Check that this site's agent reported to the server lately."""
    since = (datetime.now(UTC) - timedelta(seconds=SILENT_SEC)).isoformat()
    query = {"name": env.get("STORAX_SITE_NAME", "compose"), "last_refresh_after": since, "limit": 0, "count": "true"}
    answer = _get(f"{env['STORAX_URL']}/api/v1/sites/?{urlencode(query)}", env["STORAX_TOKEN"])
    return "" if b'"count":1' in answer else f"site {query['name']} did not report for {SILENT_SEC} s"


CHECKS: dict[str, Callable[[Mapping[str, str]], str]] = {"api": api, "feeder": feeder, "tasks": tasks, "agent": agent}


def main(part: str) -> int:
    """Check one part and return the exit code."""
    try:
        problem = CHECKS[part](resolved(os.environ))
    except Exception as error:  # whatever it is, the part does not do its work
        problem = f"{type(error).__name__}: {error}"
    if problem:
        sys.stderr.write(f"{part}: {problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

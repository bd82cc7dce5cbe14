"""What the agent says to the server, and nothing of how: HTTP, retries and errors are the client's transport.

Every call raises ``storax.errors.StoraxError``; a NotFound from a session's call means that the session is gone.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json, to_json

from storax._runtime.reply import Reply
from storax._runtime.transport import Call, Transport
from storax.errors import Unauthorized
from storax_agent.server.token_refresh import Renewal

Row = dict[str, Any]
CALL_SEC = 60.0
POLL_SLACK_SEC = 15.0  # beyond the wait that was asked for
MAX_ROWS = 10_000


@dataclass(frozen=True)
class Acquired:
    """Leased jobs, the Apps they use, and which leases of the session to stop, as ``{"id", "lease_epoch"}``.

    ``retried``: an earlier answer was lost on the way, perhaps with leases in it.
    """

    jobs: list[Row]
    apps: list[Row]
    cancel: list[Row]
    retried: bool = False


@dataclass(frozen=True)
class Answer:
    """What became of a report: ``refused`` rows are ``{"id", "code", "detail"}``."""

    accepted: list[int]
    refused: list[Row]
    cancel: list[Row]


class SiteApi:
    """One server, as one site uses it. Safe for threads.

    ``fresh`` reads the token anew when the server refuses the one in use, or when that one is soon to expire; a new one
    is taken only if it sees the site ``site_id``.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        connect_within: float = 10.0,
        fresh: Callable[[], str | None] | None = None,
        site_id: int | None = None,
    ) -> None:
        self._tries = threading.local()
        self._transport = Transport(url, token, sleep=self._pause, connect_within=connect_within)
        self._renewal = Renewal(self._transport, url, token, fresh or (lambda: None), site_id)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # Who and where

    def username(self) -> str:
        """The owner of the token."""
        return str(self._get("/auth/me").get("username") or "")

    def token_expires(self) -> datetime | None:
        """When the token in use ends; None: never."""
        row = self._get(f"/tokens/{self._get('/auth/me')['token_id']}")
        return datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None

    def renew_token(self) -> bool:
        """Take up another token where there is one by now; returns whether there was."""
        return self._renewal.renew(self._renewal.token)

    def find_site(self, name: str) -> Row | None:
        """The owner's site of that name."""
        return next(iter(self._query("sites", {"name": name}, limit=1)), None)

    def create_site(self, fields: Mapping[str, Any]) -> Row:
        """Register a site."""
        return self._post("/sites/", fields)

    def update_site(self, site_id: int, patch: Mapping[str, Any]) -> Row:
        """Change a site."""
        return self._row(self._call("PATCH", f"/sites/{site_id}", patch))

    def site(self, site_id: int) -> Row:
        """One site."""
        return self._get(f"/sites/{site_id}")

    def sites(self) -> list[Row]:
        """The owner's sites."""
        return self._query("sites", {})

    def delete_site(self, site_id: int) -> None:
        """Remove a site from the server, with its Apps."""
        self._call("DELETE", f"/sites/{site_id}", None)

    def apps_of_site(self, site_id: int) -> list[Row]:
        """The Apps of a site."""
        return self._query("apps", {"site_id": site_id})

    # Leases

    def open_session(self, site_id: int, *, ttl_sec: int, batch_job_id: int | None = None) -> int:
        """Open a session; returns its id."""
        body = {"site_id": site_id, "ttl_sec": ttl_sec, "batch_job_id": batch_job_id}
        return int(self._post("/sessions/", body)["id"])

    def heartbeat(self, session: int, *, within: float) -> list[Row]:
        """Extend the session; returns what to cancel."""
        found: list[Row] = self._row(self._call("POST", f"/sessions/{session}/heartbeat", {}, deadline=within))[
            "cancel"
        ]
        return found

    def acquire(self, session: int, number: int, *, wait: float, limits: Mapping[str, Any] | None = None) -> Acquired:
        """Lease up to ``number`` jobs, waiting ``wait`` seconds for the first; ``limits`` narrow what is taken."""
        body = {"max_num_jobs": number, **(limits or {})}
        self._tries.pauses = 0
        told = self._long_poll(f"/sessions/{session}/acquire", body, wait)
        return Acquired(told["jobs"], told["apps"], told["cancel"], retried=self._tries.pauses > 0)

    def acquire_batch_jobs(self, session: int, number: int, *, wait: float) -> list[Row]:
        """Lease BatchJobs that wait for submission."""
        found: list[Row] = self._long_poll(f"/sessions/{session}/acquire-batch-jobs", {"max_num": number}, wait)[
            "batch_jobs"
        ]
        return found

    def report(self, session: int, entries: Sequence[Row], *, key: str, within: float = CALL_SEC) -> Answer:
        """Report moves; ``key`` makes a repeated report one."""
        told = self._row(
            self._call("POST", f"/sessions/{session}/report", {"reports": entries}, key=key, deadline=within)
        )
        return Answer(told["accepted"], told["refused"], told["cancel"])

    def close_session(self, session: int, *, within: float) -> None:
        """Give back all leases of the session."""
        self._call("DELETE", f"/sessions/{session}", None, deadline=within)

    def leased_pairs(self, session: int) -> list[tuple[int, int]]:
        """Id and epoch of the jobs that the server believes this session holds."""
        rows = self._query("jobs", {"session_id": session}, fields=["id", "lease_epoch"])
        return [(row["id"], row["lease_epoch"]) for row in rows]

    def leased_jobs(self, session: int) -> list[Row]:
        """The same jobs in full."""
        return self._query("jobs", {"session_id": session})

    def apps(self, ids: Sequence[int]) -> list[Row]:
        """Apps by id."""
        return self._query("apps", {"id": list(ids)}) if ids else []

    # Transfers and allocations

    def transfers(self, site_id: int, states: Sequence[str], *, limit: int, without: Sequence[str] = ()) -> list[Row]:
        """The site's TransferItems in these states, oldest first, but for those ``without`` locations."""
        only: Row = {"site_id": site_id, "state": list(states)}
        return self._query("transfers", only | ({"location_alias__ne": list(without)} if without else {}), limit=limit)

    def jobs_brief(self, ids: Iterable[int]) -> dict[int, Row]:
        """Workdir and state by job id."""
        wanted = sorted(ids)
        rows = self._query("jobs", {"id": wanted}, fields=["id", "workdir", "state"]) if wanted else []
        return {row["id"]: row for row in rows}

    def update_transfers(self, patches: Sequence[Row]) -> None:
        """Change TransferItems, all or none."""
        self._call("PATCH", "/transfers/", patches)

    def jobs_to_clean(self, site_id: int, app_ids: Sequence[int], *, limit: int) -> list[Row]:
        """Finished jobs of these Apps whose files are still to be cleaned."""
        only = {"site_id": site_id, "app_id": list(app_ids), "state": "JOB_FINISHED", "pending_file_cleanup": True}
        return self._query("jobs", only, limit=limit, fields=["id", "app_id", "workdir"])

    def update_jobs(self, patches: Sequence[Row]) -> None:
        """Change Jobs, all or none."""
        self._call("PATCH", "/jobs/", patches)

    def batch_jobs(self, site_id: int, states: Sequence[str]) -> list[Row]:
        """The site's BatchJobs in these states."""
        return self._query("batch-jobs", {"site_id": site_id, "state": list(states)})

    def batch_job(self, batch_job_id: int) -> Row:
        """One BatchJob."""
        return self._get(f"/batch-jobs/{batch_job_id}")

    def create_batch_job(self, fields: Mapping[str, Any]) -> int:
        """Ask for an allocation; returns its id."""
        return int(self._post("/batch-jobs/", fields)["id"])

    def last_batch_jobs(self, site_id: int, states: Sequence[str], *, limit: int) -> list[Row]:
        """The newest BatchJobs in these states, newest first."""
        only = {"site_id": site_id, "state": list(states)}
        body = {"filter": only, "ordering": ["-id"], "limit": limit}
        found: list[Row] = self._row(self._call("POST", "/batch-jobs/query", body))["results"]
        return found

    def footprint(self, only: Mapping[str, Any], **on: Any) -> Row:
        """What the jobs that match would fill: ``num_jobs``, ``nodes``, ``max_nodes``, ``max_wall_time_min``. ``on``
        says of what nodes: ``node``, ``whole_nodes``, ``fitting``."""
        return self._post("/jobs/footprint", {"filter": dict(only), **on})

    def update_batch_jobs(self, patches: Sequence[Row]) -> None:
        """Change BatchJobs, all or none."""
        self._call("PATCH", "/batch-jobs/", patches)

    # How

    def _pause(self, seconds: float) -> None:
        self._tries.pauses = getattr(self._tries, "pauses", 0) + 1
        time.sleep(seconds)

    def _query(self, path: str, only: Row, *, limit: int = MAX_ROWS, fields: Sequence[str] | None = None) -> list[Row]:
        body = {"filter": only, "ordering": ["id"], "limit": limit, **({"fields": fields} if fields else {})}
        found: list[Row] = self._row(self._call("POST", f"/{path}/query", body))["results"]
        return found

    def _long_poll(self, path: str, body: Mapping[str, Any], wait: float) -> Row:
        return self._row(self._call("POST", path, body, params={"wait": wait}, deadline=wait + POLL_SLACK_SEC))

    def _get(self, path: str) -> Row:
        return self._row(self._call("GET", path, None))

    def _post(self, path: str, body: Mapping[str, Any]) -> Row:
        return self._row(self._call("POST", path, body))

    def _call(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        params: Row | None = None,
        key: str | None = None,
        deadline: float = CALL_SEC,
    ) -> Reply:
        content = None if body is None else to_json(body)
        call = Call(method, path, content, params=params, deadline=deadline, key=key)
        token = self._renewal.token
        try:
            return self._transport.call(call)
        except Unauthorized:
            if not self._renewal.renew(token, refused=True):
                raise
            return self._transport.call(call)

    @staticmethod
    def _row(reply: Reply) -> Row:
        found: Row = from_json(reply.content)
        return found

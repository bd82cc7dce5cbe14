"""A stand-in for the server: the session protocol over HTTP, from memory, with switches for what goes wrong.

The agent's tests use it where the real one cannot be made to fail at will: lost answers, outages, expired sessions.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

FINAL = {"RUN_DONE": "JOB_FINISHED", "RUN_ERROR": "FAILED", "FAILED": "FAILED"}
Row = dict[str, Any]
PLAIN_JOB: Row = {
    "parameters": {},
    "state": "PREPROCESSED",
    "attempt": 0,
    "lease_epoch": 0,
    "session_id": None,
    "cancel_requested": False,
    "num_nodes": 1,
    "ranks_per_node": 1,
    "threads_per_rank": 1,
    "threads_per_core": 1,
    "node_packing_count": 1,
    "gpus_per_rank": 0.0,
    "wall_time_min": 0,
    "return_code": None,
    "return_value": None,
}
PLAIN_APP: Row = {
    "version": 1,
    "use_shell": False,
    "parameters": {},
    "environment": {},
    "source_code": "",
}


@dataclass
class Store:
    """What the server knows."""

    apps: dict[int, Row] = field(default_factory=dict)
    jobs: dict[int, Row] = field(default_factory=dict)
    sessions: set[int] = field(default_factory=set)
    sites: dict[int, Row] = field(default_factory=dict)
    batch_jobs: dict[int, Row] = field(default_factory=dict)
    transfers: dict[int, Row] = field(default_factory=dict)
    tokens: dict[int, Row] = field(default_factory=lambda: {1: {"id": 1, "expires_at": None}})
    moves: list[tuple[int, str, Row]] = field(default_factory=list)
    refused: list[Row] = field(default_factory=list)
    reports: int = 0
    patches: list[Row] = field(default_factory=list)


class SessionServer:
    """``down`` answers 503, ``lose`` names paths whose next answer is never sent, ``steal`` holds jobs
    that are taken away again as soon as they are leased, ``reject`` is asked about reports, which are
    answered with the status ``rejection`` then."""

    def __init__(self) -> None:
        self.store = Store()
        self.down = False
        self.lose: list[str] = []
        self.steal: set[int] = set()
        self.reject: Callable[[list[Row]], bool] = lambda _: False
        self.rejection = 422
        self._next = 100
        self._changed = threading.Condition()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._http.shutdown()
        self._http.server_close()

    # What a test says

    def app(self, command: str | None = "true", **fields: Any) -> int:
        """A new App."""
        number = self._number()
        row = {"id": number, "name": f"app{number}", "command_template": command}
        self.store.apps[number] = PLAIN_APP | row | fields
        return number

    def job(self, app: int, **fields: Any) -> int:
        """A new runnable Job."""
        number = self._number()
        with self._changed:
            self.store.jobs[number] = {**PLAIN_JOB, "id": number, "app_id": app, "workdir": f"w/{number}", **fields}
            self._changed.notify_all()
        return number

    def jobs(self, app: int, number: int, **fields: Any) -> list[int]:
        """Many."""
        return [self.job(app, **fields) for _ in range(number)]

    def cancel(self, job: int) -> None:
        """Ask for a job's end."""
        with self._changed:
            self.store.jobs[job]["cancel_requested"] = True
            self._changed.notify_all()

    def expire(self) -> None:
        """End all sessions; their jobs may be taken again."""
        with self._changed:
            self._end_sessions(list(self.store.sessions))

    def _end_sessions(self, sessions: list[int]) -> None:
        """Their jobs may be taken again, as those of a session that ended."""
        self.store.sessions -= set(sessions)
        for row in self.store.jobs.values():
            if row["session_id"] in sessions:
                row.update(session_id=None, lease_epoch=row["lease_epoch"] + 1)
                row["state"] = "RESTART_READY" if row["state"] == "RUNNING" else row["state"]
        self._changed.notify_all()

    def take_away(self, job: int) -> None:
        """End one lease; nobody gets the job."""
        row = self.store.jobs[job]
        row.update(session_id=None, lease_epoch=row["lease_epoch"] + 1, state="AWAITING_PARENTS")

    def hold(self, job: int) -> None:
        """Keep a job from being taken again."""
        self.store.jobs[job]["state"] = "AWAITING_PARENTS"

    def state(self, job: int) -> str:
        """Where a job is."""
        return str(self.store.jobs[job]["state"])

    def states(self, jobs: list[int]) -> set[str]:
        """Where jobs are."""
        return {self.state(job) for job in jobs}

    def accepted_states(self, job: int) -> list[str]:
        """The accepted moves of a job."""
        return [to for number, to, _ in self.store.moves if number == job]

    def data(self, job: int) -> Row:
        """The data of a job's last accepted move."""
        return next(data for number, _, data in reversed(self.store.moves) if number == job)

    # What the agent asks

    def answer(self, method: str, path: str, query: Row, body: Any) -> tuple[int, Any]:
        """One call."""
        if self.down:
            return 503, {"detail": "down for a test", "code": "unavailable"}
        segments = path.removeprefix("/api/v1/").strip("/").split("/")
        if segments[0] == "sessions":
            return self._session(method, segments, query, body)
        if segments == ["tokens"] and method == "POST":  # as a release without tokens of sites
            return 422, {"detail": "no field 'site_id' here", "code": "invalid"}
        if segments[0] == "auth":
            return 200, {"username": "ann", "user_id": 1, "token_id": 1}
        table = getattr(self.store, segments[0].replace("-", "_"))
        if segments[1:] == ["query"]:
            return 200, {"results": [row for row in table.values() if _matches(row, body["filter"])], "next": None}
        return self._change(method, segments, table, body)

    def _change(self, method: str, segments: list[str], table: dict[int, Row], body: Any) -> tuple[int, Any]:
        if method == "POST":
            number = self._number()
            table[number] = {"id": number, "path": "", **body}
            return 201, table[number]
        if method == "GET":
            return 200, table[int(segments[1])]
        if method == "DELETE":
            return 204, table.pop(int(segments[1]), None) and None
        for patch in [{"id": int(segments[1]), **body}] if len(segments) > 1 else body:
            self.store.patches.append(patch)
            table[patch["id"]].update(patch)
        return 200, table[int(segments[1])] if len(segments) > 1 else {"updated": len(body)}

    def _session(self, method: str, segments: list[str], query: Row, body: Any) -> tuple[int, Any]:
        if method == "POST" and len(segments) == 1:
            number = self._number()
            self.store.sessions.add(number)
            return 201, {"id": number, **body}
        session = int(segments[1])
        if segments[-1] == "report":
            return self._report(session, body["reports"])
        if session not in self.store.sessions:
            return 404, {"detail": f"session {session} does not exist", "code": "not_found"}
        return self._living(session, segments[-1] if len(segments) > 2 else method, query, body)

    def _living(self, session: int, verb: str, query: Row, body: Any) -> tuple[int, Any]:
        wait = float(query.get("wait", ["0"])[0])
        if verb == "DELETE":
            with self._changed:
                self._end_sessions([session])
            return 204, None
        if verb == "heartbeat":
            return 200, {"expires_at": None, "cancel": self._cancels(session)}
        if verb == "acquire-batch-jobs":
            return self._acquire_batch(session, wait)
        return self._acquire(session, body["max_num_jobs"], wait)

    def _acquire(self, session: int, number: int, wait: float) -> tuple[int, Any]:
        end = time.monotonic() + wait
        with self._changed:
            while True:
                if session not in self.store.sessions:
                    return 404, {"detail": f"session {session} does not exist", "code": "not_found"}
                rows = [row for row in self.store.jobs.values() if _free(row)][:number]
                cancel = self._cancels(session)
                left = end - time.monotonic()
                if rows or cancel or left <= 0 or self.down:
                    break
                self._changed.wait(min(left, 0.2))
            for row in rows:
                row.update(session_id=session, lease_epoch=row["lease_epoch"] + 1)
        apps = [self.store.apps[number] for number in {row["app_id"] for row in rows}]
        leased = [dict(row) for row in rows]
        for row in rows:
            if row["id"] in self.steal:
                self.take_away(row["id"])
        return 200, {"jobs": leased, "apps": apps, "cancel": cancel}

    def _acquire_batch(self, session: int, wait: float) -> tuple[int, Any]:
        end = time.monotonic() + wait
        while True:
            rows = [
                r for r in self.store.batch_jobs.values() if r["state"] == "pending_submission" and not r["session_id"]
            ]
            if rows or time.monotonic() > end or session not in self.store.sessions:
                break
            time.sleep(0.02)
        for row in rows:
            row["session_id"] = session
        return 200, {"batch_jobs": rows}

    def _report(self, session: int, reports: list[Row]) -> tuple[int, Any]:
        if self.reject(reports):
            return self.rejection, {
                "detail": "not this one",
                "code": "internal" if self.rejection == 500 else "invalid",
            }
        accepted, refused = [], []
        with self._changed:
            self.store.reports += 1
            for report in reports:
                row = self.store.jobs.get(report["id"])
                if row is None or row["lease_epoch"] != report["lease_epoch"]:
                    refused.append({"id": report["id"], "code": "stale_epoch", "detail": "the lease moved on"})
                    continue
                accepted.append(report["id"])
                if row["session_id"] is not None:
                    self._apply(row, report)
            self.store.refused += refused
            self._changed.notify_all()
        return 200, {"accepted": accepted, "refused": refused, "cancel": self._cancels(session)}

    def _apply(self, row: Row, report: Row) -> None:
        for move in report["moves"]:
            to = move["to"]
            if to == row["state"] == "RUNNING":
                continue
            self.store.moves.append((row["id"], to, move["data"]))
            again = to == "RUN_TIMEOUT" or (to == "RUN_ERROR" and row["attempt"] < row.get("max_attempts", 1))
            row["state"] = "RESTART_READY" if again else FINAL.get(to, to)
            row["attempt"] += to == "RUNNING"
            row["session_id"] = row["session_id"] if to == "RUNNING" else None
        row.update(report.get("patch") or {})

    def _cancels(self, session: int) -> list[Row]:
        return [{"id": row["id"], "lease_epoch": row["lease_epoch"]} for row in self.store.jobs.values()
                if row["session_id"] == session and row["cancel_requested"]]  # fmt: skip

    def _number(self) -> int:
        self._next += 1
        return self._next


def _free(row: Row) -> bool:
    return row["session_id"] is None and row["state"] in ("PREPROCESSED", "RESTART_READY")


def _matches(row: Row, only: Row) -> bool:
    return all(
        row.get(name) in value if isinstance(value, list) else row.get(name) == value for name, value in only.items()
    )


def _handler(server: SessionServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _do(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            status, reply = server.answer(self.command, parts.path, parse_qs(parts.query), body)
            lost = next((word for word in server.lose if word in parts.path), None)
            if lost:
                server.lose.remove(lost)
                self.close_connection = True
                return
            content = json.dumps(reply).encode() if reply is not None else b""
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _do  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    return Handler

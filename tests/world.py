"""Run the server side for tests: the API with uvicorn on a free port and the feeder, in one thread with its own loop."""

import asyncio
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterator
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx
import orjson
import redis
import uvicorn

from storax_api.app import create_app
from storax_api.bounds import connection
from storax_core.commands import leases, users
from storax_core.database.connections import Database
from storax_core.queues import Queues
from storax_core.settings import Settings
from storax_workers.feeder import Feeder
from waiting import eventually

T = TypeVar("T")
_serial = count(1)


LOGIN_PASSWORD = "a password of tests"
"""Password of every login role on the servers of tests."""


def as_login(url: str, login: str) -> str:
    """Return the URL of the same server for one of the login roles: storax_api, storax_feeder, ..."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}:{quote(LOGIN_PASSWORD)}@{parts.netloc.rpartition('@')[2]}"))


def in_database(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def execute(url: str, *statements: str) -> None:
    """Run statements on a connection to the database that is made for them."""
    conn = await asyncpg.connect(url)
    try:
        for statement in statements:
            await conn.execute(statement)
    finally:
        await conn.close()


def _listener() -> socket.socket:
    """Open a listening socket on a free port. Its protocol is explicit: only then does asyncio set TCP_NODELAY."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    return listener


class World:
    """The server side of the platform. Tests call it over HTTP, as users do."""

    def __init__(self, database_url: str, redis_url: str, *, feeder: bool = True, **settings: Any) -> None:
        self.database_url, self.redis_url = database_url, redis_url
        self.settings = Settings(
            database_url=as_login(database_url, "storax_api"), redis_url=as_login(redis_url, "storax_api"), **settings
        )
        self._feeding = feeder
        self.app = create_app(self.settings)
        config = uvicorn.Config(
            self.app, **connection.settings(), log_level="critical", access_log=False, timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.loop = asyncio.new_event_loop()
        self._listener = _listener()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._feeder: asyncio.Task[None] | None = None
        self.users: list[User] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as parts:  # closes those that run already, where one does not start
            parts.callback(self._stop)
            self._thread.start()
            eventually(lambda: self.server.started or not self._thread.is_alive())
            assert self.server.started, "the API did not start"
            self.db = self.run(Database.connect(self.database_url, size=4))
            parts.callback(lambda: self.run(self.db.close()))
            tasks = Database.connect(as_login(self.database_url, "storax_tasks"), size=16, role="storax_upkeep")
            self.tasks_db = self.run(tasks)
            parts.callback(lambda: self.run(self.tasks_db.close()))
            self.queues = Queues(self.redis_url)
            parts.callback(lambda: self.run(self.queues.close()))
            self.redis = parts.enter_context(redis.Redis.from_url(self.redis_url))
            parts.callback(self._close_users)
            parts.callback(self.stop_feeder)
            if self._feeding:
                self.start_feeder()
            self._parts = parts.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._parts.close()

    def _close_users(self) -> None:
        for user in self.users:
            user.http.close()

    def _stop(self) -> None:
        self.server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive(), "the API did not stop"
        self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        with contextlib.closing(self._listener):
            self.loop.run_until_complete(self.server.serve(sockets=[self._listener]))
            self.loop.run_until_complete(self._end_tasks())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())

    async def _end_tasks(self) -> None:
        """Cancel the calls that outlived the shutdown, and wait for their end, as ``asyncio.run`` does for users.

        A connection that was accepted during the shutdown is closed here: nobody else does before the loop ends.
        """
        for accepted in list(self.server.server_state.connections):
            accepted.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run(self, work: Coroutine[Any, Any, T], *, seconds: float = 60) -> T:
        """Run a coroutine on the platform's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    # ---- the feeder ------------------------------------------------------------------------------------------------

    def start_feeder(self) -> None:
        """Start the feeder, which follows the log."""

        async def start() -> None:
            db = await Database.connect(as_login(self.database_url, "storax_feeder"), size=8, role="storax_relay")
            self._feeder = asyncio.create_task(self._feed(db))

        self.run(start())

    async def _feed(self, db: Database) -> None:
        queues = Queues(as_login(self.redis_url, "storax_feeder"))
        try:
            await Feeder(db, queues).run()
        finally:
            await queues.close()
            await db.close()

    def stop_feeder(self) -> None:
        """Stop the feeder."""

        async def stop() -> None:
            if self._feeder:
                self._feeder.cancel()
                await asyncio.wait([self._feeder])
                self._feeder = None

        self.run(stop())

    # ---- the database, as the operator sees it ---------------------------------------------------------------------

    def sql(self, statement: str, *values: Any, role: str | None = None) -> list[Any]:
        """Run one statement as the migrating owner (a superuser), or as a role, and return its rows."""

        async def run() -> list[Any]:
            conn = await asyncpg.connect(self.database_url)
            try:
                if role:
                    await conn.execute(f"SET ROLE {role}")
                rows: list[Any] = await conn.fetch(statement, *values)
                return rows
            finally:
                await conn.close()

        return self.run(run())

    def value(self, statement: str, *values: Any) -> Any:
        """Run one statement and return the first column of its first row."""
        return self.sql(statement, *values)[0][0]

    def sweep(self) -> int:
        """End expired sessions, as the cron task does. Return how many ended."""

        async def run() -> int:
            async with self.tasks_db.worker() as conn, conn.transaction():
                return await leases.expire(conn)

        return self.run(run())

    def asleep(self) -> int:
        """Count the long polls that sleep in Redis until a hint or a cancel wakes them."""
        database = str(self.redis.get_connection_kwargs()["db"])
        return sum(c["db"] == database and c["cmd"] == "bzmpop" and "b" in c["flags"] for c in self.redis.client_list())

    # ---- users -----------------------------------------------------------------------------------------------------

    def user(self, name: str | None = None, *, password: str | None = None) -> "User":
        """Create a user with a token."""
        name = name or f"user{next(_serial)}"

        async def make() -> tuple[int, str]:
            async with self.db.worker() as conn, conn.transaction():
                user_id = await users.create_user(conn, name, users.password_hash(password) if password else None)
                return user_id, (await users.issue_token(conn, users.user_context(user_id), "test", 1))["token"]

        self.users.append(User(self, name, *self.run(make())))
        return self.users[-1]


# The servers speak plain HTTP. Reading the certificates anew for each client takes 50 ms, half the time of a short test.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANYBODY = httpx.Client(timeout=70, verify=NO_TLS)
"""A client for single calls without a token, with a timeout that a busy machine does not reach."""


class Refused(AssertionError):
    """The server refused a request that a test expected to succeed."""


class User:
    """A user with a token. ``get``, ``post``, ... return the JSON body and fail on an error; ``ask`` takes any response."""

    def __init__(self, world: World, name: str, user_id: int, token: str) -> None:
        self.world, self.name, self.id, self.token = world, name, user_id, token
        self.http = httpx.Client(
            base_url=f"{world.url}/api/v1", timeout=70, headers={"Authorization": f"Bearer {token}"}, verify=NO_TLS
        )

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **kw: Any) -> httpx.Response:
        """Send any request and return any response."""
        content = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        return self.http.request(method, path, content=content, **kw)

    def ask_again(self, method: str, path: str, body: Any = None, **kw: Any) -> httpx.Response:
        """Send a request, and send it again while the server answers 503, as the client does.

        A Redis that needs more than a second, as on a machine that stands still, counts as down.
        """
        return eventually(lambda: (answer := self.ask(method, path, body, **kw)).status_code != 503 and answer)

    def _good(self, method: str, path: str, body: Any = None, **kw: Any) -> Any:
        answer = self.ask(method, path, body, **kw)
        if answer.status_code >= 400:
            raise Refused(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def get(self, path: str, **params: Any) -> Any:
        """Send GET with query parameters and return the body."""
        return self._good("GET", path, params=params)

    def post(self, path: str, body: Any = None, **kw: Any) -> Any:
        """Send POST with a body and return the body of the response."""
        return self._good("POST", path, body, **kw)

    def patch(self, path: str, body: Any = None, **kw: Any) -> Any:
        """Send PATCH with a body and return the body of the response."""
        return self._good("PATCH", path, body, **kw)

    def delete(self, path: str, **kw: Any) -> Any:
        """Send DELETE and return the body of the response."""
        return self._good("DELETE", path, **kw)

    def refused(self, method: str, path: str, body: Any = None, *, status: int, code: str, **kw: Any) -> dict[str, Any]:
        """Send a request that must fail with this status and code. Return its problem details."""
        answer = self.ask(method, path, body, **kw)
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        return problem(answer, code)

    # ---- things ----------------------------------------------------------------------------------------------------

    def site(self, name: str = "", **fields: Any) -> int:
        """Create a site and return its id."""
        return int(self.post("/sites/", {"name": name or f"site{next(_serial)}", **fields})["id"])

    def app(self, site: int | None = None, **fields: Any) -> int:
        """Create an App without parameters and return its id."""
        row = {"site_id": site or self.site(), "name": f"App{next(_serial)}", "command_template": "true", **fields}
        return int(self.post("/apps/", row)["id"])

    def jobs(self, app: int, number: int = 1, **fields: Any) -> list[int]:
        """Create jobs of one App and return their ids."""
        rows = [{"app_id": app, "workdir": f"w/{i}", **fields} for i in range(number)]
        return [j["id"] for j in self.post("/jobs/", rows)["results"]]

    def job(self, app: int, **fields: Any) -> dict[str, Any]:
        """Create a job and return its row."""
        row: dict[str, Any] = self.post("/jobs/", {"app_id": app, "workdir": "w", **fields})
        return row

    def session(self, site: int, **fields: Any) -> int:
        """Open a session and return its id."""
        return int(self.post("/sessions/", {"site_id": site, **fields})["id"])

    def acquire(self, session: int, number: int = 1, *, wait: float = 0, **ask: Any) -> list[dict[str, Any]]:
        """Lease jobs to the session, as an agent does, and return their rows; also those before a hook."""
        body = {"max_num_jobs": number, "states": None, **ask}
        answer = self.post(f"/sessions/{session}/acquire", body, params={"wait": wait})
        jobs: list[dict[str, Any]] = answer["jobs"]
        return jobs

    def report(self, session: int, job: dict[str, Any], *states: str, **patch: Any) -> dict[str, Any]:
        """Report transitions of a leased job."""
        answer: dict[str, Any] = self.post(f"/sessions/{session}/report", {"reports": [report(job, *states, **patch)]})
        return answer

    def finish(self, session: int, *jobs: dict[str, Any], last: str = "RUN_DONE") -> dict[str, Any]:
        """Report that leased jobs ran, and that their run ended in the state ``last``."""
        rows = [report(j, "RUNNING", last) for j in jobs]
        answer: dict[str, Any] = self.post(f"/sessions/{session}/report", {"reports": rows})
        assert not answer["refused"], answer
        return answer

    def states(self, *jobs: int) -> list[str]:
        """Return the states of jobs, in the order of the arguments; ``deleted`` for those that are gone."""
        rows = self.post("/jobs/query", {"filter": {"id": list(jobs)}, "fields": ["id", "state"], "limit": 10000})
        states = {r["id"]: r["state"] for r in rows["results"]}
        return [states.get(j, "deleted") for j in jobs]

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        """Return events in the order of the log."""
        rows = self.post("/events/query", {"filter": filters, "ordering": ["position"], "limit": 10000})
        events: list[dict[str, Any]] = rows["results"]
        return events

    def key(self, **headers: str) -> dict[str, Any]:
        """Return keyword arguments for a request with a new Idempotency-Key."""
        return {"headers": {"Idempotency-Key": str(uuid4()), **headers}}

    @contextlib.contextmanager
    def stream(self, **params: Any) -> Iterator["Listener"]:
        """Read the event stream in a thread until the block ends."""
        listener = Listener(self, params)
        try:
            yield listener
        finally:
            listener.close()


class Listener:
    """A thread that reads the event stream into ``events``."""

    def __init__(self, user: User, params: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.ids: list[int] = []
        self.comments: list[str] = []
        self.ended = threading.Event()
        self.place = 0  # the last position that the stream named, also without an event
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        client = httpx.Client(timeout=60, headers=dict(user.http.headers) | (headers or {}), verify=NO_TLS)
        with contextlib.ExitStack() as parts:  # closes them, where the stream does not open
            parts.enter_context(client)
            request = client.stream("GET", f"{user.world.url}/api/v1/events/stream", params=params)
            self._response = parts.enter_context(request)
            assert self._response.status_code == 200, self._response.read()
            self._thread.start()
            parts.callback(self._hang_up)
            assert self._ready.wait(60), "the stream did not open"
            self._parts = parts.pop_all()

    def _read(self) -> None:
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError, OSError, ValueError):
            for line in self._response.iter_lines():
                self._take(line)
        self.ended.set()

    def _take(self, line: str) -> None:
        if line.startswith(":"):
            self.comments.append(line)
            self._ready.set()
        elif line.startswith("id: "):
            self.place = int(line[4:])
        elif line.startswith("data: "):
            self.events.append(orjson.loads(line[6:]))
            self.ids.append(self.place)  # after the event: who waits for the position finds it

    def close(self) -> None:
        """Close the connection and end the thread."""
        with contextlib.suppress(httpx.HTTPError, OSError, RuntimeError):
            self._parts.close()

    def _hang_up(self) -> None:
        wire = self._response.extensions["network_stream"].get_extra_info("socket")
        with contextlib.suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)


def report(job: dict[str, Any], *states: str, data: dict[str, Any] | None = None, **patch: Any) -> dict[str, Any]:
    """Return one row of a report."""
    moves = [{"to": s, "at": "2026-01-01T00:00:00Z", **({"data": data} if data else {})} for s in states]
    return {"id": job["id"], "lease_epoch": job["lease_epoch"], "moves": moves, "patch": patch}


def problem(answer: httpx.Response, code: str | None = None) -> dict[str, Any]:
    """Check the shape of an error response and return its problem details."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "hint", "request_id"} <= set(body), body
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"], body
    if code:
        assert body["code"] == code, body
    return body

"""The server's processes: how they start, what they do without their servers, and that they stop when told."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from ports import free_port
from proxy import Proxy
from storax_core.log import sql
from storax_workers.task_record import TASKS
from waiting import eventually
from world import ANYBODY, User, World, as_login, problem

NOWHERE = "postgresql://nobody@127.0.0.1:9/none"


def environment(world: World, part: str, **more: str) -> dict[str, str]:
    login = part if part.startswith("storax_") else f"storax_{part}"
    urls = {"DATABASE": as_login(world.database_url, login), "REDIS": as_login(world.redis_url, login)}
    return os.environ | {f"STORAX_{name}_URL": url for name, url in urls.items()} | more


@contextmanager
def process(world: World, *arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", *arguments]
    running = subprocess.Popen(
        argv, env=environment(world, arguments[-1], **more), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def run(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *argv], env=os.environ | env, capture_output=True, text=True, timeout=60, check=False
    )


def stops(running: subprocess.Popen[bytes], how: signal.Signals) -> None:
    running.send_signal(how)
    assert running.wait(30) in (0, -how), running.stderr.read() if running.stderr else ""


# ---- starting and stopping ------------------------------------------------------------------------------------------


def test_the_api_answers_open_streams_and_long_polls_when_it_stops(world: World) -> None:
    port = free_port()
    with (
        process(world, "storax_api", STORAX_PORT=str(port)) as api,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=70) as client,
    ):
        eventually(lambda: answers(client, "/healthz"), step=0.05)
        user = world.user()
        client.headers["Authorization"] = f"Bearer {user.token}"
        session, opened = user.session(user.site()), threading.Event()
        with ThreadPoolExecutor(2) as pool:
            poll = pool.submit(hang_on, client, "POST", f"/api/v1/sessions/{session}/acquire?wait=60")
            stream = pool.submit(hang_on, client, "GET", "/api/v1/events/stream", opened)
            assert opened.wait(60)
            eventually(lambda: world.asleep() == 1)
            stops(api, signal.SIGTERM)
            assert (poll.result(60), stream.result(60)) == (200, 200), "both were answered to their end"
        assert api.stderr
        assert b"Traceback" not in api.stderr.read()


def test_every_refused_request_is_in_the_log_by_its_id(world: World) -> None:
    port = free_port()
    with (
        process(world, "storax_api", STORAX_PORT=str(port), STORAX_LOG_FORMAT="json") as api,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=70) as client,
    ):
        eventually(lambda: answers(client, "/healthz"), step=0.05)
        user = world.user()
        replies = [
            client.get("/api/v1/nowhere%0Aelse?token=stx_secret"),
            client.get("/api/v1/jobs/"),
            client.post("/api/v1/jobs/", content=b"{", headers={"Authorization": f"Bearer {user.token}"}),
        ]
        stops(api, signal.SIGTERM)
        assert api.stderr
        log = api.stderr.read().decode()
    lines = {line.get("request_id"): line for line in map(json.loads, log.splitlines())}
    assert [reply.status_code for reply in replies] == [404, 401, 422]
    for reply in replies:
        line = lines[reply.headers["x-request-id"]]
        assert (line["status"], line["level"]) == (reply.status_code, "warning")
        assert (line["code"], line["detail"][:40]) == (reply.json()["code"], reply.json()["detail"][:40])
    assert lines[replies[2].headers["x-request-id"]]["user"] == user.id
    assert "stx_" not in log, "a query string may hold a secret"


def answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.HTTPError:
        return False


def hang_on(client: httpx.Client, method: str, path: str, opened: threading.Event | None = None) -> int:
    with client.stream(method, path, content=b"{}" if method == "POST" else None) as answer:
        if opened:
            opened.set()
        answer.read()
        return answer.status_code


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=str)
def test_the_feeder_stops_also_in_the_middle_of_work(world: World, interruptible: None, how: signal.Signals) -> None:
    world.stop_feeder()
    user = world.user()
    app = user.app()
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            user.jobs(app, 5)

    try:
        with process(world, "storax_workers", "feeder") as feeder, ThreadPoolExecutor(1) as pool:
            busy = pool.submit(work)
            at = world.value("SELECT coalesce(max(position), 0) FROM feed")
            eventually(lambda: world.value("SELECT coalesce(max(position), 0) FROM feed") > at)
            stops(feeder, how)
            done.set()
            busy.result(60)
    finally:
        done.set()
        world.start_feeder()


def test_of_two_feeders_one_leads_and_the_other_takes_over(world: World) -> None:
    world.stop_feeder()
    try:
        with process(world, "storax_workers", "feeder") as first, process(world, "storax_workers", "feeder"):
            user = world.user()
            user.site()
            eventually(
                lambda: world.value("SELECT coalesce(max(position), 0) FROM feed") >= user.events()[-1]["position"]
            )
            first.kill()
            user.site()
            eventually(
                lambda: world.value("SELECT coalesce(max(position), 0) FROM feed") >= user.events()[-1]["position"]
            )
            leaders = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 8362 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            assert world.value(leaders) <= 1
    finally:
        world.start_feeder()


def test_the_tasks_sweep_expired_sessions_and_stop(world: World, interruptible: None) -> None:
    user = world.user()
    site = user.site()
    (job,) = user.jobs(user.app(site), 1)
    session = user.session(site)
    assert len(user.acquire(session)) == 1
    world.sql("UPDATE session SET expires_at = to_timestamp(0) WHERE id = $1", session)
    world.sql(
        "INSERT INTO command (owner_id, key, fingerprint, position, answer, created_at) VALUES ($1, gen_random_uuid(), '', 0, '', now() - interval '8 days')",
        user.id,
    )
    with process(world, "storax_workers", "tasks", STORAX_SWEEP_SEC="1") as tasks:
        eventually(lambda: user.get(f"/jobs/{job}")["session_id"] is None, step=0.1)
        eventually(
            lambda: world.value("SELECT count(*) FROM command WHERE owner_id = $1 AND fingerprint = ''", user.id) == 0,
            step=0.1,
        )
        stops(tasks, signal.SIGINT)


def test_a_chore_is_no_pickle(world: World) -> None:
    with process(world, "storax_workers", "tasks", STORAX_SWEEP_SEC="1"):
        keys = eventually(lambda: world.redis.keys("rq:job:*"), step=0.1)
        tasks = [json.loads(zlib.decompress(data)) for k in keys if (data := world.redis.hget(k, "data"))]
        assert {t[0] for t in tasks} <= TASKS.keys()


def test_a_wrong_word_says_how_it_is_used(world: World) -> None:
    answer = run("storax_workers", "fedder")
    assert answer.returncode == 2
    assert "feeder|tasks" in answer.stderr


# ---- the operator's commands ----------------------------------------------------------------------------------------


def test_migrate_is_quiet_when_there_is_nothing_to_do(world: World) -> None:
    answer = run("storax_core.admin", "migrate", STORAX_DATABASE_URL=world.database_url)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_migrate_leaves_a_newer_database_alone_and_says_so_in_one_line(world: World, empty_database_url: str) -> None:
    assert run("storax_core.admin", "migrate", STORAX_DATABASE_URL=empty_database_url).returncode == 0

    async def newer() -> None:
        conn = await asyncpg.connect(empty_database_url)
        await conn.execute("UPDATE alembic_version SET version_num = '9999'")
        await conn.close()

    world.run(newer())
    answer = run("storax_core.admin", "migrate", STORAX_DATABASE_URL=empty_database_url)
    assert answer.returncode == 5
    assert answer.stderr.count("\n") == 1
    assert "9999" in answer.stderr


def test_bootstrap_makes_a_user_once_and_a_token_each_time(world: World) -> None:
    created = [
        run("storax_core.admin", "bootstrap", "--user", "boot", STORAX_DATABASE_URL=world.database_url)
        for _ in range(2)
    ]
    outputs = [json.loads(m.stdout) for m in created]
    assert outputs[0]["user_id"] == outputs[1]["user_id"]
    assert outputs[0]["token"] != outputs[1]["token"]
    for t in outputs:
        with httpx.Client(timeout=70, headers={"Authorization": f"Bearer {t['token']}"}) as client:
            assert client.get(f"{world.url}/api/v1/auth/me").json()["username"] == "boot"


@pytest.mark.parametrize(
    "command",
    [
        ("storax_core.admin", "migrate"),
        ("storax_core.admin", "bootstrap", "--user", "x"),
        ("storax_core.admin", "verify"),
    ],
)
def test_without_postgres_an_operator_gets_one_clear_line(command: tuple[str, ...]) -> None:
    answer = run(*command, STORAX_DATABASE_URL=NOWHERE)
    assert answer.returncode == 8
    assert answer.stderr.count("\n") == 1
    assert "STORAX_DATABASE_URL" in answer.stderr


@pytest.mark.parametrize("command", ["migrate", "verify", "rebuild"])
def test_no_database_is_guessed_where_none_is_named(command: str) -> None:
    answer = run("storax_core.admin", command, STORAX_DATABASE_URL="")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.count("\n") == 1
    assert "no database is named" in answer.stderr


def test_verify_finds_nothing_in_a_true_log_and_what_was_bent_in_a_false_one(world: World) -> None:
    user = world.user()
    (job,) = user.jobs(user.app(), 1)
    assert run("storax_core.admin", "verify", STORAX_DATABASE_URL=world.database_url).returncode == 0
    world.sql("UPDATE job_state SET priority = 7 WHERE id = $1", job)
    answer = run("storax_core.admin", "verify", "--json", STORAX_DATABASE_URL=world.database_url)
    world.sql("UPDATE job_state SET priority = 0 WHERE id = $1", job)
    assert answer.returncode == 6
    assert json.loads(answer.stdout)["differences"] == 1


# ---- Postgres goes away ---------------------------------------------------------------------------------------------


@pytest.fixture
def fragile(database_url: str, redis_url: str) -> Iterator[tuple[World, Proxy]]:
    """A platform whose Postgres can be taken away."""
    with Proxy(database_url) as proxy:
        address = proxy.url.replace("//:", "//storax:", 1)
        with World(address, redis_url, feeder=False) as running:
            yield running, proxy
            proxy.heal()


def test_while_postgres_is_away_every_call_says_so_and_afterwards_all_is_well(
    world: World, fragile: tuple[World, Proxy]
) -> None:
    frail, proxy = fragile
    user = frail.user()
    site = user.site()
    proxy.cut()
    for method, path, body in (
        ("GET", "/jobs/", None),
        ("POST", "/sites/", {"name": "x"}),
        ("GET", f"/sites/{site}", None),
        ("DELETE", f"/sites/{site}", None),
    ):
        answer = user.ask(method, path, body)
        assert answer.status_code == 503, answer.text
        assert problem(answer, "unavailable")["hint"]
        assert int(answer.headers["retry-after"]) >= 1
    assert user.http.get(f"{frail.url}/readyz").status_code == 503
    assert user.http.get(f"{frail.url}/healthz").status_code == 200
    proxy.heal()
    eventually(lambda: user.ask("GET", f"/sites/{site}").status_code == 200)
    eventually(lambda: user.http.get(f"{frail.url}/readyz").status_code == 200)  # after the next note that it serves


def test_connections_killed_under_load_cost_no_accepted_call_and_no_500(world: World) -> None:
    user = world.user()
    app = user.app()
    codes: list[int] = []
    created: list[int] = []
    done = threading.Event()

    def work(n: int) -> None:
        while not done.is_set():
            answer = user.ask("POST", "/jobs/", {"app_id": app, "workdir": f"w{n}"})
            codes.append(answer.status_code)
            if answer.status_code == 201:
                created.append(answer.json()["id"])

    killed: list[int] = []
    kill = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'storax%' AND pid <> pg_backend_pid()"
    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work, n) for n in range(4)]
        for _ in range(6):
            reached = len(codes)
            eventually(lambda reached=reached: len(codes) >= reached + 8)
            killed += [row["pid"] for row in world.sql(kill)]
        eventually(lambda: codes.count(201) > 20)
        done.set()
        for worker in workers:
            worker.result(60)
    assert set(codes) <= {201, 503}
    # Until the last of them is gone, a call may get its connection.
    eventually(lambda: not world.sql("SELECT pid FROM pg_stat_activity WHERE pid = ANY($1)", killed))
    assert set(created) <= {j["id"] for j in user.get("/jobs/", limit=10000)["results"]}
    with user.stream(after=0) as stream:
        eventually(lambda: len(stream.ids) == len(user.events()))


def test_a_caller_who_hangs_up_leaves_no_transaction_behind(world: World) -> None:
    user = world.user()
    app = user.app()

    async def hold() -> Any:
        conn = await asyncpg.connect(world.database_url)
        await conn.execute(f"SELECT pg_advisory_lock({sql.FENCE})")
        return conn

    holder = world.run(hold())
    body = json.dumps({"app_id": app, "workdir": "w"})
    call = (
        f"POST /api/v1/jobs/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\nContent-Length: {len(body)}"
    )
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
    for number in range(1, 6):
        with socket.create_connection(("127.0.0.1", urlsplit(world.url).port), timeout=60) as caller:
            caller.sendall(f"{call}\r\n\r\n{body}".encode())
            eventually(lambda number=number: world.value(waiting) >= number)
    world.run(holder.close())
    open_ = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in trans%'"
    eventually(lambda: world.value(open_) == 0)
    eventually(lambda: user.get("/jobs/", count="true")["count"] == 5)


def test_more_callers_than_connections_are_all_served(world: World) -> None:
    user = world.user()
    app = user.app()

    def call(n: int) -> int:
        return user.ask("POST", "/jobs/", {"app_id": app, "workdir": f"w{n}"}).status_code

    with ThreadPoolExecutor(60) as pool:
        assert set(pool.map(call, range(240))) == {201}
    assert user.get("/jobs/", limit=0, count="true")["count"] == 240


def test_readyz_tells_a_database_that_was_never_migrated(world: World, empty_database_url: str, redis_url: str) -> None:
    async def roles_only() -> None:
        conn = await asyncpg.connect(empty_database_url)
        await conn.execute("DROP SCHEMA public CASCADE")
        await conn.execute("CREATE SCHEMA public")
        await conn.close()

    world.run(roles_only())
    with World(empty_database_url, redis_url, feeder=False) as bare, httpx.Client(timeout=70) as client:
        answer = client.get(f"{bare.url}/readyz")
        assert answer.status_code == 503
        assert answer.json()["status"] == "wrong schema"


def test_every_answer_has_a_name(world: World) -> None:
    user: User = world.user()
    names = [user.ask("GET", p).headers["x-request-id"] for p in ("/jobs/", "/jobs/x", "/nothing")]
    names.append(ANYBODY.get(f"{world.url}/api/v1/jobs/").headers["x-request-id"])
    assert len(set(names)) == 4

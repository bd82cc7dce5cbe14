"""Every limit that is published is kept: what exceeds it gets the named status and the way out, and nothing else breaks."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import asyncpg
import httpx
import pytest

from storax import Client, Job
from storax._orm.bulk import update_all
from storax._orm.pages import read_pages
from storax_agent.server.connection import Connection
from storax_api.identity import logins
from storax_core import limits
from storax_core.database.shares import Shares
from storax_core.queries import bounded
from waiting import eventually
from world import ANYBODY, NO_TLS, User, World, problem


@pytest.fixture(scope="module")
def user(world: World) -> User:
    return world.user()


@pytest.fixture(scope="module")
def app(user: User) -> int:
    return user.app()


def row(app: int, **fields: Any) -> dict[str, Any]:
    return {"app_id": app, "workdir": "w", **fields}


# ---- what is published ----------------------------------------------------------------------------------------------


def test_the_limits_of_a_server_are_those_of_its_settings(world: World, user: User) -> None:
    rows = {r["name"]: r for r in user.get("/limits")["limits"]}
    assert rows["body_bytes"]["value"] == world.settings.max_body_mb << 20
    assert rows["rows"] == {**rows["rows"], "value": limits.ROWS, "status": 413, "unit": "rows"}
    assert set(rows) == {limit.name for limit in limits.table(world.settings)}
    assert all(r["status"] in (0, 408, 409, 413, 422, 429, 431, 503) and r["meaning"] for r in rows.values())


# ---- bodies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_who_has_no_token_may_send_little(user: User, path: str, chunked: bool) -> None:
    body = b" " * (limits.STRANGER_BODY_BYTES + 1)
    answer = ANYBODY.post(f"{user.world.url}/api/v1{path}", content=iter([body]) if chunked else body)
    if path == "/auth/register":
        assert problem(answer, "unauthorized"), "it is closed, and reads no body"
        return
    assert "16 KiB" in problem(answer, "too_large")["detail"]


@pytest.mark.parametrize(
    "path", ["/jobs/query", "/jobs/counts", "/jobs/delete", "/jobs/cancel", "/jobs/retry", "/tokens/"]
)
def test_a_call_that_needs_no_large_body_takes_none(user: User, path: str) -> None:
    answer = user.ask("POST", path, raw=b" " * (limits.QUERY_BODY_BYTES + 1))
    assert "8 MiB" in problem(answer, "too_large")["detail"]


def test_a_row_has_a_size_alone_and_in_a_list(user: User, app: int) -> None:
    large = {f"k{n}": "x" * 1000 for n in range(1000)}
    whole = row(app, parameters=large, data=large, launch_params={"a": "x" * (1 << 19)}, tags={})
    whole["transfers"] = {f"t{n}": "x" * 900_000 for n in range(3)}
    for body, place in ((whole, "4 MiB"), ([row(app), whole], "row 1 is larger than 4 MiB")):
        assert place in user.refused("POST", "/jobs/", body, status=413, code="too_large")["detail"]
    assert "4 MiB" in user.refused("PATCH", "/jobs/1", whole, status=413, code="too_large")["detail"]


@pytest.mark.parametrize("number", ["1e300", "-1e-300", "1e99"])
def test_numbers_count_as_they_are_written_out_in_answers(user: User, app: int, number: str) -> None:
    raw = json.dumps(row(app, data={"x": "HERE"})).replace('"HERE"', f"[{', '.join([number] * 20_000)}]").encode()
    detail = problem(user.ask("POST", "/jobs/", raw=raw), "invalid")["detail"]
    assert "larger than 1 MiB" in detail


def test_a_job_has_a_number_of_parents(user: User, app: int) -> None:
    for name in ("parent_ids", "parent_refs"):
        user.refused("POST", "/jobs/", [row(app, **{name: [1] * (limits.PARENTS + 1)})], status=422, code="invalid")


def test_a_small_patch_of_many_large_rows_is_refused(user: User, app: int, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = user.jobs(app, 30, data={"x": "x" * 50_000})
    monkeypatch.setattr(limits, "CHANGE_BYTES", 1 << 20)
    for body in (
        {"filter": {"id": mine}, "patch": {"data": {"y": "y" * 50_000}}},
        {"filter": {"id": mine}, "patch": {"data__merge": {"y": 1}}},
    ):
        refusal = user.refused("PATCH", "/jobs/", body, status=413, code="too_large")
        assert "fewer rows" in refusal["hint"]
    assert user.get(f"/jobs/{mine[0]}")["version"] == 1


def test_a_body_that_stops_or_drips_is_answered_408(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SILENCE_SEC", 0.5)
    for pieces in ([b"x" * 100], [b"x"] * 20):
        with _raw(user, "POST /api/v1/jobs/ HTTP/1.1", "Content-Length: 1000") as connection:
            with suppress(ConnectionError):
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(0.1)
            answer = _until_closed(connection)
        assert answer.startswith(b"HTTP/1.1 408 "), answer
        assert b"too_slow" in answer


# ---- connections ----------------------------------------------------------------------------------------------------


def _raw(user: User, *head: str) -> socket.socket:
    url = httpx.URL(user.world.url)
    connection = socket.create_connection((url.host, url.port), timeout=30)
    lines = [*head, "Host: x", f"Authorization: Bearer {user.token}", "", ""] if head else [""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def _until_closed(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def test_a_head_without_end_is_refused(user: User) -> None:
    """With its first byte too many, however long the server takes to read them."""
    begin = b"GET /healthz HTTP/1.1\r\nX-Much: "
    with _raw(user) as connection:
        connection.sendall(begin + b"x" * (limits.HEAD_BYTES + 1 - len(begin)))
        answer = _until_closed(connection)
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("begin", [b"", b"GET /healthz HTTP/1.1\r\nX-A: "], ids=["nothing", "half a head"])
def test_a_head_that_does_not_come_ends_the_connection(
    user: User, begin: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HEAD_SEC", 0.5)
    url = httpx.URL(user.world.url)
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(begin)
        assert _until_closed(connection) == b""


def _read_slowly(user: User, ask: str) -> tuple[int, float]:
    """Return the number of bytes that a slow reader gets, and the seconds until it has them."""
    size, begun = 0, time.monotonic()
    with _raw(user, ask, "Connection: close") as slow, suppress(ConnectionError):
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        while part := slow.recv(1 << 18):
            size += len(part)
            time.sleep(0.02)
    return size, time.monotonic() - begun


def test_a_caller_that_reads_nothing_is_cut_off_and_one_that_reads_slowly_is_not(
    user: User, app: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UNREAD_SEC", 1.0)
    mine = user.jobs(app, 20, data={"x": "x" * 900_000})
    ask = f"GET /api/v1/jobs/?limit=20&{'&'.join(f'id={i}' for i in mine)} HTTP/1.1"
    service = user.world.app.state.service
    with _raw(user, ask) as mute:
        for _ in range(3):  # on a machine that stands still for a second the slow one is cut off too
            size, took = _read_slowly(user, ask)
            if size > 18_000_000:
                break
        assert size > 18_000_000, "the slow one has read all of it"
        assert took > 1.2
        assert len(_until_closed(mute)) < size / 2, "it was cut off"
    eventually(lambda: service.memory.used == 0)


# ---- answers --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heavy(user: User, app: int) -> list[int]:
    """Ids of jobs with 60 MB of data between small ones."""
    ids = user.jobs(app, 150)
    for _ in range(6):
        ids += user.jobs(app, 10, data={"x": "x" * 1_000_000})
        ids += user.jobs(app, 50)
    return ids


@pytest.mark.parametrize("ordering", [["id"], ["-id"], ["workdir", "-id"]], ids=str)
@pytest.mark.parametrize("form", ["objects", "rows"])
def test_a_page_ends_by_its_bytes_and_its_cursor_goes_on(
    user: User, heavy: list[int], ordering: list[str], form: str
) -> None:
    body: dict[str, Any] = {
        "filter": {"id": heavy},
        "ordering": ordering,
        "limit": 10_000,
        "format": form,
        "fields": ["id", "workdir", "data"],
    }
    seen: list[int] = []
    pages = 0
    while True:
        answer = user.ask("POST", "/jobs/query", body)
        assert len(answer.content) < limits.PAGE_BYTES * 1.1
        page = answer.json()
        seen += [r["id"] for r in page["results"]] if form == "objects" else [r[0] for r in page["rows"]]
        pages += 1
        if page["next"] is None:
            break
        body["cursor"] = page["next"]
    assert sorted(seen) == sorted(heavy)
    assert len(seen) == len(set(seen))
    assert pages > 1
    eventually(lambda: user.world.app.state.service.memory.used == 0)


def test_a_row_that_is_larger_than_a_page_comes_alone(user: User, app: int, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = user.jobs(app, 3, data={"x": "x" * 5000})
    monkeypatch.setattr("storax_core.queries.select.fetch_page.__kwdefaults__", {"size": 1000})
    cursor = None
    for one in [[n] for n in mine]:
        page = user.post("/jobs/query", {"filter": {"id": mine}, "cursor": cursor})
        assert [r["id"] for r in page["results"]] == one
        cursor = page["next"]
    last = user.post("/jobs/query", {"filter": {"id": mine}, "cursor": cursor}) if cursor else {"results": []}
    assert last["results"] == []


def test_long_texts_count_as_well(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    site = user.site()
    apps = [user.app(site, source_code="x" * 200_000, description="y" * 200_000) for _ in range(20)]
    monkeypatch.setattr("storax_core.queries.select.fetch_page.__kwdefaults__", {"size": 1 << 20})
    seen: list[int] = []
    cursor, pages = None, 0
    while pages == 0 or cursor:
        page = user.post("/apps/query", {"filter": {"id": apps}, "cursor": cursor})
        seen += [r["id"] for r in page["results"]]
        cursor, pages = page["next"], pages + 1
    assert seen == apps
    assert pages > 5


@pytest.mark.slow("it writes 80 MB")
def test_an_answer_to_a_creation_that_would_be_too_large_names_the_other_form(user: User, app: int) -> None:
    rows = [row(app, data={"x": "x" * 1_000_000}) for _ in range(40)]
    refusal = user.refused("POST", "/jobs/", rows, status=413, code="too_large")
    assert "format=rows" in refusal["hint"]
    assert len(user.post("/jobs/", rows, params={"format": "rows"})["rows"]) == 40


def test_an_acquire_leases_as_many_jobs_as_one_answer_holds(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    site = user.site()
    app = user.app(site)
    mine = user.jobs(app, 10, data={"x": "x" * 100_000})
    session = user.session(site)
    monkeypatch.setattr(limits, "PAGE_BYTES", 350_000)
    leased: list[int] = []
    while len(leased) < 10:
        got = user.acquire(session, 10)
        assert 1 <= len(got) <= 3
        assert all(len(job["data"]["x"]) == 100_000 for job in got)
        leased += [job["id"] for job in got]
    assert sorted(leased) == sorted(mine)


def test_an_acquire_whose_first_attempt_is_undone_extends_the_session(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = user.site()
    user.jobs(user.app(site), 10, data={"x": "x" * 100_000})
    session = user.session(site)
    user.world.sql("UPDATE session SET heartbeat = heartbeat - interval '1 hour' WHERE id = $1", session)
    monkeypatch.setattr(limits, "PAGE_BYTES", 350_000)
    assert len(user.acquire(session, 10)) == 3
    assert user.world.value("SELECT now() - heartbeat < interval '10 minutes' FROM session WHERE id = $1", session)


def test_what_a_second_claim_of_an_attempt_adds_fits_into_the_same_answer(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hints come first; where some of them are out of date, Postgres fills the answer."""
    site = user.site()
    app = user.app(site)
    mine = user.jobs(app, 10, data={"x": "x" * 100_000})
    ready = f"ready:{site}"
    eventually(lambda: user.world.redis.zcard(ready) == 10)
    for job in mine[2:]:
        user.world.redis.zrem(ready, job)
    user.world.redis.zadd(ready, {str(10**12 + n): -1 for n in range(5)})
    monkeypatch.setattr(limits, "PAGE_BYTES", 350_000)
    assert len(user.acquire(user.session(site), 10)) == 3


def test_client_and_agent_read_on_where_a_page_ended(user: User, app: int, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = user.jobs(app, 8, data={"x": "x" * 5000})
    monkeypatch.setattr("storax_core.queries.select.fetch_page.__kwdefaults__", {"size": 12_000})
    body = {"filter": {"id": mine}, "ordering": ["id"], "limit": 10_000, "format": "rows", "fields": ["id", "data"]}
    with Client(user.world.url, user.token) as client:
        assert [j.id for j in Job.objects.using(client).filter(id=mine).order_by("id")] == mine
        pages = list(read_pages(client, "jobs", body))
    assert [row[0] for page in pages for row in page.rows] == mine
    assert len(pages) > 2
    connection = Connection(user.world.url, user.token)
    assert [r["id"] for r in connection.query("jobs", {"id": mine})] == mine
    assert [r["id"] for r in connection.query("jobs", {"id": mine}, limit=5)] == mine[:5]
    connection.close()


def test_the_client_sends_in_parts_what_the_server_finds_too_large(
    user: User, app: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = user.jobs(app, 8)
    monkeypatch.setattr(limits, "CHANGE_BYTES", 200_000)
    with Client(user.world.url, user.token) as client:
        jobs = list(Job.objects.using(client).filter(id=mine))
        for job in jobs:
            job.data = {"x": "x" * 60_000}
        assert update_all(Job, jobs, client) == 8
    assert {row["version"] for row in user.post("/jobs/query", {"filter": {"id": mine}})["results"]} == {2}


# ---- neighbours -----------------------------------------------------------------------------------------------------


def test_one_users_queries_wait_for_each_other_and_then_say_so(
    world: World, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = world.app.state.service
    most = limits.queries_of_one(world.settings)
    monkeypatch.setattr(service, "_queries", Shares(most, wait=0.5, of="lists, queries and counts"))
    other = world.user()
    with ThreadPoolExecutor(20) as pool:
        with _sites_locked(world):
            queries = [pool.submit(user.ask, "POST", "/sites/query", {}) for _ in range(20)]
            assert other.get("/jobs/") is not None  # while those wait
            eventually(lambda: sum(query.done() for query in queries) == 20 - most)
            assert other.get("/jobs/") is not None
        answers = [a.result() for a in queries]
    statuses = sorted(a.status_code for a in answers)
    assert statuses == [200] * most + [429] * (20 - most)
    for refused in (a for a in answers if a.status_code == 429):
        assert refused.headers["retry-after"] == "1"
        assert problem(refused, "too_many")["hint"]
    assert user.get("/sites/") is not None


@contextmanager
def _sites_locked(world: World) -> Iterator[None]:
    """Have all who read sites wait until the block ends."""

    async def lock() -> Any:
        conn = await asyncpg.connect(world.database_url)
        await conn.execute("BEGIN; LOCK TABLE site IN ACCESS EXCLUSIVE MODE")
        return conn

    conn = world.run(lock())
    try:
        yield
    finally:
        world.run(conn.close())


def test_many_logins_at_once_are_checked_in_turn_and_the_rest_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of many accounts, and fewer than one address may have at once: no failure slows down the next."""
    monkeypatch.setattr(world.app.state.service, "logins", logins.LoginThrottle())
    number = logins.AT_ONCE - 2
    with ThreadPoolExecutor(number) as pool, httpx.Client(timeout=None, verify=NO_TLS) as client:

        def log_in(n: int) -> httpx.Response:
            return client.post(f"{world.url}/api/v1/auth/login", json={"username": f"nobody{n}", "password": "wrong"})

        answers = list(pool.map(log_in, range(number)))
    assert {a.status_code for a in answers} == {401, 429}
    for refused in (a for a in answers if a.status_code == 429):
        assert int(refused.headers["retry-after"]) >= 1
        assert problem(refused, "too_many")


# ---- filters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["query", "counts", "footprint"])
def test_a_filter_takes_tens_of_thousands_of_values(user: User, heavy: list[int], path: str) -> None:
    user.post(f"/jobs/{path}", {"filter": {"id": list(range(1, 33_001))}})
    user.post(f"/jobs/{path}", {"filter": {"workdir": [f"w/{n}" for n in range(33_000)]}})
    user.post(f"/jobs/{path}", {"filter": {"id__ne": list(range(1, 33_001)), "state": ["FAILED"] * 33_000}})


@pytest.mark.parametrize("path", ["query", "counts", "footprint", "delete", "cancel"])
def test_too_many_filters_are_refused_with_the_way_out(user: User, path: str) -> None:
    body = {"filter": {}, "exclude": [{"id": n} for n in range(33_000)]}
    refusal = user.refused("POST", f"/jobs/{path}", body, status=422, code="invalid")
    assert str(limits.CONDITIONS) in refusal["detail"]
    assert "list of values" in refusal["hint"]


def test_as_many_filters_as_are_allowed_are_answered(user: User) -> None:
    groups = [{"id": n} for n in range(1, limits.CONDITIONS - 1)]
    user.post("/jobs/query", {"exclude": groups, "limit": 1})
    user.post("/jobs/counts", {"exclude": groups})


def test_rows_are_read_in_portions_of_the_limit_that_is_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that was lowered for a moment does not slow the reads that follow."""
    before = bounded._portion("app")
    monkeypatch.setattr(limits, "PAGE_BYTES", 1)
    assert bounded._portion("app") == 1
    monkeypatch.undo()
    assert bounded._portion("app") == before > 1

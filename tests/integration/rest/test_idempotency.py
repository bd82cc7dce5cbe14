"""A repeated call has one effect and one answer, for every call that changes something."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from storax_core.commands import idempotency
from world import User, World, report


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def situation(user: User) -> dict[str, Any]:
    """A site with jobs, one of them running, and a waiting BatchJob."""
    site = user.site()
    app = user.app(site, transfers={"f": {"direction": "in", "required": False}})
    jobs = user.jobs(app, 6)
    staged = user.job(app, transfers={"f": "x:/f"})
    session = user.session(site)
    (held,) = user.acquire(session)
    user.report(session, held, "RUNNING")
    (item,) = user.get("/transfers/", job_id=staged["id"])["results"]
    batch = user.post("/batch-jobs/", {"site_id": site})["id"]
    project = user.post("/projects/", {"name": str(uuid4())})["id"]
    return {
        "site": site,
        "app": app,
        "jobs": [j for j in jobs if j != held["id"]],
        "session": session,
        "held": held,
        "item": item["id"],
        "batch": batch,
        "project": project,
        "frame": user.post("/data-frames/", {"project_id": project, "name": "x"})["id"],
        "pipeline": user.post("/pipelines/", {"project_id": project, "name": "x", "edition": 1})["id"],
        "view": user.post("/saved-views/", {"name": str(uuid4()), "query": ""})["id"],
        "webhook": user.post("/webhooks/", {"name": str(uuid4()), "url": "https://example.org/"})["id"],
    }


CALLS: dict[str, Any] = {
    "site create": lambda s: ("POST", "/sites/", {"name": "again"}),
    "site update": lambda s: ("PATCH", f"/sites/{s['site']}", {"path": "/x"}),
    "site update many": lambda s: ("PATCH", "/sites/", [{"id": s["site"], "path": "/x"}]),
    "app create": lambda s: ("POST", "/apps/", {"site_id": s["site"], "name": "again", "command_template": "true"}),
    "app update": lambda s: ("PATCH", f"/apps/{s['app']}", {"description": "x"}),
    "job create": lambda s: ("POST", "/jobs/", {"app_id": s["app"], "workdir": "again"}),
    "job create many": lambda s: ("POST", "/jobs/", [{"app_id": s["app"], "workdir": f"again{i}"} for i in range(3)]),
    "job create rows": lambda s: ("POST", "/jobs/?format=rows", [{"app_id": s["app"], "workdir": "again"}]),
    "job update": lambda s: ("PATCH", f"/jobs/{s['jobs'][0]}", {"priority": 3}),
    "job move": lambda s: ("PATCH", f"/jobs/{s['jobs'][0]}", {"state": "FAILED"}),
    "job force": lambda s: ("PATCH", f"/jobs/{s['jobs'][0]}?force=true", {"state": "JOB_FINISHED"}),
    "job update many": lambda s: ("PATCH", "/jobs/", [{"id": j, "priority": j % 9} for j in s["jobs"]]),
    "job update where": lambda s: ("PATCH", "/jobs/", {"filter": {"state": "PREPROCESSED"}, "patch": {"priority": 4}}),
    "job delete": lambda s: ("DELETE", f"/jobs/{s['jobs'][0]}", None),
    "job delete many": lambda s: ("POST", "/jobs/delete", {"filter": {"state": "PREPROCESSED"}}),
    "job delete where": lambda s: ("DELETE", "/jobs/?state=PREPROCESSED", None),
    "job cancel": lambda s: ("POST", "/jobs/cancel", {"filter": {}}),
    "job retry": lambda s: ("POST", "/jobs/retry", {"filter": {}}),
    "batch job create": lambda s: ("POST", "/batch-jobs/", {"site_id": s["site"]}),
    "batch job update": lambda s: ("PATCH", f"/batch-jobs/{s['batch']}", {"state": "queued"}),
    "batch job delete": lambda s: ("DELETE", f"/batch-jobs/{s['batch']}", None),
    "transfer update": lambda s: ("PATCH", f"/transfers/{s['item']}", {"state": "done"}),
    "session create": lambda s: ("POST", "/sessions/", {"site_id": s["site"]}),
    "session report": lambda s: ("POST", f"/sessions/{s['session']}/report", {"reports": [report(s["held"], "RUN_DONE")]}),
    "session acquire": lambda s: ("POST", f"/sessions/{s['session']}/acquire?wait=0", {"max_num_jobs": 2}),
    "session acquire constrained": lambda s: ("POST", f"/sessions/{s['session']}/acquire", {"max_num_jobs": 2, "max_aggregate_nodes": 9}),
    "session acquire batch": lambda s: ("POST", f"/sessions/{s['session']}/acquire-batch-jobs", {"max_num": 1}),
    "session delete": lambda s: ("DELETE", f"/sessions/{s['session']}", None),
    "site delete": lambda s: ("DELETE", f"/sites/{s['site']}", None),
    "project create": lambda s: ("POST", "/projects/", {"name": "again"}),
    "project update": lambda s: ("PATCH", f"/projects/{s['project']}", {"autosave": True}),
    "project delete": lambda s: ("DELETE", f"/projects/{s['project']}", None),
    "data frame create": lambda s: ("POST", "/data-frames/", {"project_id": s["project"], "name": "again"}),
    "data frame update": lambda s: ("PATCH", f"/data-frames/{s['frame']}", {"nrows": 5}),
    "data frame delete": lambda s: ("DELETE", f"/data-frames/{s['frame']}", None),
    "pipeline create": lambda s: ("POST", "/pipelines/", {"project_id": s["project"], "name": "again", "edition": 1}),
    "pipeline update": lambda s: ("PATCH", f"/pipelines/{s['pipeline']}", {"tags": ["x"]}),
    "pipeline delete": lambda s: ("DELETE", f"/pipelines/{s['pipeline']}", None),
    "saved view create": lambda s: ("POST", "/saved-views/", {"name": "again", "query": ""}),
    "saved view update": lambda s: ("PATCH", f"/saved-views/{s['view']}", {"query": "state=FAILED"}),
    "saved view delete": lambda s: ("DELETE", f"/saved-views/{s['view']}", None),
    "webhook create": lambda s: ("POST", "/webhooks/", {"name": "again", "url": "https://example.org/"}),
    "webhook update": lambda s: ("PATCH", f"/webhooks/{s['webhook']}", {"enabled": False}),
    "webhook rotate": lambda s: ("POST", f"/webhooks/{s['webhook']}/rotate", {}),
    "webhook replay": lambda s: ("POST", f"/webhooks/{s['webhook']}/replay", {"position": 0}),
    "webhook delete": lambda s: ("DELETE", f"/webhooks/{s['webhook']}", None),
}  # fmt: skip
REFUSED = {"site delete"}  # a job of it is running
NAMES = {  # operations of the OpenAPI that change something, and the calls above that stand for them
    "site_create", "site_update", "site_update_many", "site_delete", "app_create", "app_update", "job_create", "job_update",
    "job_update_many", "job_delete", "job_delete_many", "job_delete_where", "job_cancel", "job_retry",
    "batch_job_create",
    "batch_job_update", "batch_job_delete", "transfer_item_update", "session_create", "session_report", "session_acquire",
    "session_acquire_batch", "session_delete", "project_create", "project_update", "project_delete", "data_frame_create",
    "data_frame_update", "data_frame_delete", "pipeline_create", "pipeline_update", "pipeline_delete",
    "saved_view_create", "saved_view_update", "saved_view_delete",
    "webhook_create", "webhook_update", "webhook_rotate", "webhook_replay", "webhook_delete",
}  # fmt: skip
LIKE_OTHERS = {  # the same code mounted for another noun
    "site_delete_many", "site_delete_where", "app_update_many", "app_delete", "app_delete_many", "app_delete_where",
    "batch_job_update_many", "batch_job_delete_many", "batch_job_delete_where", "transfer_item_update_many",
    "session_delete_many", "session_delete_where", "token_delete", "token_delete_many", "token_delete_where",
    *(f"{noun}_{verb}" for noun in ("project", "data_frame", "pipeline", "saved_view", "webhook") for verb in ("update_many", "delete_many", "delete_where")),
}  # fmt: skip
# Without a key, harmless to repeat, or tested below.
OTHERWISE = {
    "login",
    "login_code",
    "register",
    "session_heartbeat",
    "token_create",
    "site_file_requests",
    "site_file_replies",
}


def test_every_operation_that_changes_something_is_among_these(world: World, user: User) -> None:
    described = user.http.get(f"{world.url}/openapi.json").json()["paths"]
    reads = ("_query", "_counts", "_footprint", "_failures", "_throughput", "_metrics", "_runs")
    changing = {
        operation["operationId"]
        for methods in described.values()
        for method, operation in methods.items()
        if method != "get" and not operation["operationId"].endswith(reads)
    }
    assert changing == NAMES | LIKE_OTHERS | OTHERWISE


def ask(user: User, call: tuple[str, str, Any], key: str, body: Any = None) -> httpx.Response:
    method, path, payload = call
    return user.ask(method, path, payload if body is None else body, headers={"Idempotency-Key": key})


def position(world: World) -> int:
    return int(world.value("SELECT max(position) FROM event_log"))


@pytest.mark.parametrize("name", [n for n in CALLS if n not in REFUSED])
def test_a_call_repeated_three_times_has_one_effect_and_one_answer(world: World, user: User, name: str) -> None:
    call, key = CALLS[name](situation(user)), str(uuid4())
    first = ask(user, call, key)
    assert first.status_code < 300, first.text
    assert "idempotency-replayed" not in first.headers
    after = position(world)
    for _ in range(3):
        again = ask(user, call, key)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["x-storax-position"] == first.headers["x-storax-position"]
    assert position(world) == after


@pytest.mark.parametrize("name", [n for n in CALLS if n not in REFUSED and not n.endswith("delete")])
def test_a_key_used_for_another_body_is_refused(world: World, user: User, name: str) -> None:
    call, key = CALLS[name](situation(user)), str(uuid4())
    ask(user, call, key)
    if call[2] is None:
        call = (call[0], call[1] + "&num_nodes=1", None)
    else:
        call = (
            call[0],
            call[1],
            {**call[2], "exclude": []}
            if "filter" in call[2]
            else call[2] * 2
            if isinstance(call[2], list)
            else {**call[2], "x": 1},
        )
    before = position(world)
    other = ask(user, call, key)
    assert other.status_code == 422, other.text
    assert position(world) == before


def test_the_refusal_of_a_reused_key_says_so(user: User) -> None:
    key = str(uuid4())
    ask(user, ("POST", "/sites/", {"name": "a"}), key)
    assert ask(user, ("POST", "/sites/", {"name": "b"}), key).json()["code"] == "key_reused"
    assert ask(user, ("PATCH", "/sites/", [{"id": 1}]), key).json()["code"] in ("key_reused", "not_found")


@pytest.mark.parametrize(
    "name", ["job create", "job create many", "site create", "session acquire", "session report", "job update where"]
)
def test_fifty_at_once_with_one_key_have_one_effect(world: World, user: User, name: str) -> None:
    call, key = CALLS[name](situation(user)), str(uuid4())
    before = position(world)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: ask(user, call, key), range(50)))
    assert {a.status_code for a in answers} <= {200, 201}, {a.text for a in answers if a.status_code > 201}
    assert len({a.content for a in answers}) == 1
    assert world.value("SELECT count(DISTINCT command_id) FROM event_log WHERE position > $1", before) == 1
    once = world.value("SELECT count(*) FROM event_log WHERE position > $1", before)
    assert once <= {"job create many": 3, "session report": 2, "session acquire": 2, "job update where": 5}.get(name, 1)


def test_a_failed_call_is_not_remembered(user: User) -> None:
    key, site = str(uuid4()), user.site()
    call = ("POST", "/apps/", {"site_id": site, "name": "A", "command_template": "true"})
    blocker = user.app(site, name="A")
    assert ask(user, call, key).status_code == 409
    user.delete(f"/apps/{blocker}")
    response = ask(user, call, key)
    assert response.status_code == 201
    assert "idempotency-replayed" not in response.headers
    assert ask(user, call, key).json() == response.json()


def test_keys_of_two_users_have_nothing_to_do_with_each_other(world: World) -> None:
    key = str(uuid4())
    responses = [ask(world.user(), ("POST", "/sites/", {"name": "same"}), key) for _ in range(2)]
    assert [m.status_code for m in responses] == [201, 201]
    assert responses[0].json()["id"] != responses[1].json()["id"]


def test_a_key_is_looked_up_among_those_of_its_owner(world: World) -> None:
    """Without row-level security, which hides the rows of others from the routes in any case."""
    key, (first, second) = uuid4(), (world.user(), world.user())
    assert ask(first, ("POST", "/sites/", {"name": "one"}), str(key)).status_code == 201
    (row,) = world.sql("SELECT fingerprint FROM command WHERE key = $1", key)

    async def seen(owner: int) -> bool:
        async with world.db.worker() as conn:
            return await idempotency.seen(conn, owner, str(key), row["fingerprint"]) is not None

    assert [world.run(seen(user.id)) for user in (first, second)] == [True, False]


@pytest.mark.parametrize("key", ["", "x", "1234", "not-a-uuid" * 9])
def test_a_key_that_is_no_uuid_is_refused(user: User, key: str) -> None:
    user.refused("POST", "/sites/", {"name": "a"}, headers={"Idempotency-Key": key}, status=422, code="invalid")
    assert user.get("/sites/")["results"] == []


def test_a_lost_answer_to_an_acquire_does_not_lose_the_jobs(user: User) -> None:
    s = situation(user)
    key = str(uuid4())
    call = ("POST", f"/sessions/{s['session']}/acquire", {"max_num_jobs": 3})
    lost = ask(user, call, key).json()["jobs"]
    user.finish(s["session"], lost[0])
    again = ask(user, call, key).json()
    assert [j["id"] for j in again["jobs"]] == [j["id"] for j in lost[1:]]
    assert [a["id"] for a in again["apps"]] == [s["app"]]


def test_two_tries_of_one_call_that_wait_side_by_side_get_the_same_jobs(user: User) -> None:
    """The connection broke while the first try waited: the server may not know, and the second try waits beside it."""
    site = user.site()
    app, session = user.app(site), user.session(site)
    call, key = ("POST", f"/sessions/{session}/acquire?wait=60", {"max_num_jobs": 1}), str(uuid4())
    with ThreadPoolExecutor(3) as pool:
        tries = [pool.submit(ask, user, call, key) for _ in range(3)]
        time.sleep(0.5)
        jobs = user.jobs(app, 4)
        answers = [t.result(60).json()["jobs"] for t in tries]
    assert len(answers[0]) == 1
    assert answers == answers[:1] * 3
    assert answers[0][0]["id"] in jobs
    assert sorted(j["lease_epoch"] for j in user.get("/jobs/")["results"]) == [0, 0, 0, 1]


def test_a_token_is_made_once_and_its_text_is_kept_nowhere(world: World, user: User) -> None:
    key = str(uuid4())
    response = ask(user, ("POST", "/tokens/", {"name": "mine"}), key)
    text = response.json()["token"]
    assert response.status_code == 201
    again = ask(user, ("POST", "/tokens/", {"name": "mine"}), key)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert len(user.get("/tokens/", name="mine")["results"]) == 1
    tables = [r[0] for r in world.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    for table in tables:
        assert not world.sql(f"SELECT 1 FROM {table} t WHERE to_jsonb(t)::text LIKE '%' || $1 || '%'", text[4:]), table
        assert not world.sql(
            f"SELECT 1 FROM {table} t WHERE to_jsonb(t)::text LIKE '%' || $1 || '%'", text.encode().hex()
        ), table

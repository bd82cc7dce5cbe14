"""Every noun can be made, read, changed and deleted, and each of these leaves exactly its events."""

from typing import Any

import pytest

from storax_core.log.event_types import EVENT_TYPES
from world import User, World


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def trail(user: User, entity: str, entity_id: int) -> list[str]:
    rows = user.events(entity=entity, entity_id=entity_id)
    assert [r["version"] for r in rows] == list(range(1, len(rows) + 1))
    return [r["type"] for r in rows]


def test_a_site_lives_through_its_whole_life(user: User) -> None:
    created = user.post("/sites/", {"name": "laptop", "path": "/home/x", "transfer_locations": {"local": "file:///"}})
    assert (created["version"], created["backfill_windows"], created["allowed_projects"]) == (1, {}, [])
    assert user.get(f"/sites/{created['id']}") == created
    changed = user.patch(f"/sites/{created['id']}", {"allowed_projects": ["p1"], "globus_endpoint_id": None})
    assert (changed["version"], changed["allowed_projects"], changed["creation_date"]) == (
        2,
        ["p1"],
        created["creation_date"],
    )
    assert changed["last_update"] > created["last_update"]
    assert user.ask("DELETE", f"/sites/{created['id']}").status_code == 204
    user.refused("GET", f"/sites/{created['id']}", status=404, code="not_found")
    user.refused("DELETE", f"/sites/{created['id']}", status=404, code="not_found")
    assert trail(user, "site", created["id"]) == ["site.created", "site.updated", "site.deleted"]


def test_an_event_tells_who_did_what_by_which_call(user: User) -> None:
    answer = user.ask(
        "POST", "/sites/", {"name": "told"}, headers={"Idempotency-Key": "5e0f2c1e-0a3e-4b43-9d2c-8b1d5a4c3e2f"}
    )
    (event,) = user.events(entity="site", entity_id=answer.json()["id"])
    assert event["actor"] == f"user:{user.id}"
    assert event["command_id"] == "5e0f2c1e-0a3e-4b43-9d2c-8b1d5a4c3e2f"
    assert event["data"] == {"id": answer.json()["id"], "name": "told"}
    assert answer.headers["x-storax-position"] == str(event["position"])
    assert event["timestamp"] == answer.json()["creation_date"]


def test_a_name_is_unique_where_it_must_be_and_free_elsewhere(world: World, user: User) -> None:
    site = user.site("one")
    user.refused("POST", "/sites/", {"name": "one"}, status=409, code="conflict")
    user.refused("POST", "/sites/", [{"name": "two"}, {"name": "two"}], status=409, code="conflict")
    other = user.site("two")
    user.refused("PATCH", f"/sites/{other}", {"name": "one"}, status=409, code="conflict")
    user.patch(f"/sites/{site}", {"name": "one"})
    world.user().site("one")
    user.app(site, name="A")
    user.app(other, name="A")
    body = {"site_id": site, "name": "A", "command_template": "true"}
    assert "'A'" in user.refused("POST", "/apps/", body, status=409, code="conflict")["detail"]


def test_a_failed_bulk_create_leaves_nothing_behind(world: World, user: User) -> None:
    before = world.value("SELECT max(position) FROM event_log")
    user.refused("POST", "/sites/", [{"name": "a"}, {"name": "b"}, {"name": "a"}], status=409, code="conflict")
    app = user.app()
    rows = [{"app_id": app, "workdir": "w"}, {"app_id": 10**9, "workdir": "w"}]
    user.refused("POST", "/jobs/", rows, status=422, code="invalid")
    assert user.get("/jobs/")["results"] == []
    assert world.value("SELECT count(*) FROM event_log WHERE position > $1 AND type = 'job.created'", before) == 0


@pytest.mark.parametrize("path", ["sites", "apps", "jobs", "batch-jobs", "sessions"])
def test_an_empty_list_is_created_at_once(user: User, path: str) -> None:
    assert user.post(f"/{path}/", []) == {"results": []}
    assert user.post(f"/{path}/", [], params={"format": "rows"})["rows"] == []


def test_rows_of_a_bulk_create_come_in_the_order_given(user: User) -> None:
    app = user.app()
    rows = [{"app_id": app, "workdir": f"w/{i}", "priority": -i} for i in range(50)]
    created = user.post("/jobs/", rows)["results"]
    assert [j["workdir"] for j in created] == [r["workdir"] for r in rows]
    assert [j["id"] for j in created] == sorted(j["id"] for j in created)
    compact = user.post("/jobs/", rows, params={"format": "rows"})
    assert compact["columns"][:1] == ["id"]
    ids = [r[0] for r in compact["rows"]]
    assert [j["workdir"] for j in user.get("/jobs/", id=ids, ordering="id")["results"]] == [r["workdir"] for r in rows]


def test_a_job_starts_with_its_defaults_and_keeps_what_was_given(user: User) -> None:
    app = user.app(command_template="echo {{ x }}")
    values: dict[str, Any] = {
        "tags": {"a": "ä", "b": ""}, "parameters": {"x": [1, {"y": None}]}, "data": {"deep": {"er": [True, 1.5, "\u2028"]}},
        "num_nodes": 2, "gpus_per_rank": 0.25, "mem_per_node_mb": 512, "wall_time_min": 5, "launch_params": {"--x": "y"}, "priority": -7,
        "max_attempts": 3, "retry_delay_sec": 2, "on_parent_failure": "run", "pending_file_cleanup": False,
    }  # fmt: skip
    job = user.job(app, **values)
    assert {k: job[k] for k in values} == values
    assert (job["state"], job["attempt"], job["return_value"], job["session_id"], job["parent_ids"]) == (
        "PREPROCESSED",
        0,
        None,
        None,
        [],
    )
    assert user.get(f"/jobs/{job['id']}") == job
    (event,) = user.events(job_id=job["id"])
    assert {k: event["data"][k] for k in values} == values
    assert "ranks_per_node" not in event["data"]


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"num_nodes": 1, "filter_tgas": {"kind": "wide"}}, "filter_tgas"),
        ({"x": 1}, "no field 'x'; it has job_mode, num_nodes, filter_tags"),
        ({"num_nodes": 0}, "partitions.1.num_nodes"),
        ({"num_nodes": True}, "partitions.1.num_nodes"),
        ({"job_mode": "srial"}, "partitions.1.job_mode"),
        ({"filter_tags": ["kind"]}, "partitions.1.filter_tags"),
        ({"filter_tags": {"kind": 1}}, "partitions.1.filter_tags.kind"),
        ("mpi", "partitions.1"),
    ],
    ids=str,
)
def test_a_partition_takes_its_own_fields_alone(user: User, part: Any, named: str) -> None:
    """A misspelt filter_tags would let every job into it."""
    whole = {"job_mode": "mpi", "num_nodes": 2, "filter_tags": {"a": "b"}}
    body = {"site_id": user.site(), "num_nodes": 4, "partitions": [whole, part]}
    assert named in user.refused("POST", "/batch-jobs/", body, status=422, code="invalid")["detail"]
    assert user.get("/batch-jobs/", site_id=body["site_id"])["results"] == []
    good = user.post("/batch-jobs/", {**body, "partitions": [whole, {}]})
    assert good["partitions"] == [whole, {}]


@pytest.mark.parametrize(
    ("nodes", "parts", "wanted"),
    [
        ({"num_nodes": 3}, [{"num_nodes": 2}, {"num_nodes": 2}], 4),
        ({"num_nodes": 2}, [{}, {"job_mode": "mpi"}, {}], 3),
        ({}, [{"num_nodes": 2}], 2),
    ],
)
def test_partitions_ask_for_no_more_nodes_than_the_batch_job_has(
    user: User, nodes: dict[str, int], parts: list[dict[str, Any]], wanted: int
) -> None:
    body = {"site_id": user.site(), **nodes, "partitions": parts}
    answer = user.refused("POST", "/batch-jobs/", body, status=422, code="invalid")
    assert (
        answer["detail"] == f"the partitions ask for {wanted} nodes, but the batch job has {nodes.get('num_nodes', 1)}"
    )
    assert f"num_nodes to at least {wanted}" in answer["hint"]
    good = {**body, "num_nodes": wanted}
    answer = user.refused("POST", "/batch-jobs/", [good, body], status=422, code="invalid")
    assert "but batch job 1 of this call has" in answer["detail"]
    assert user.get("/batch-jobs/", site_id=body["site_id"])["results"] == []
    batch_job = user.post("/batch-jobs/", good)
    for change in ({"num_nodes": 1}, {"partitions": [{"num_nodes": wanted + 1}]}):
        user.refused("PATCH", f"/batch-jobs/{batch_job['id']}", change, status=422, code="invalid")


def test_a_batch_job_goes_its_way(user: User) -> None:
    site = user.site()
    created = user.post(
        "/batch-jobs/", {"site_id": site, "num_nodes": 4, "filter_tags": {"k": "v"}, "partitions": [{"num_nodes": 2}]}
    )
    assert (created["state"], created["job_mode"], created["partitions"]) == (
        "pending_submission",
        "serial",
        [{"num_nodes": 2}],
    )
    path = f"/batch-jobs/{created['id']}"
    assert user.patch(path, {"state": "queued", "scheduler_id": "123.pbs"})["scheduler_id"] == "123.pbs"
    running = user.patch(path, {"state": "running", "start_time": "2026-01-01T00:00:00+02:00", "status_info": {"n": 1}})
    assert running["start_time"] == "2025-12-31T22:00:00+00:00"
    user.refused("PATCH", path, {"state": "pending_submission"}, status=409, code="illegal_move")
    user.refused("PATCH", path, {"num_nodes": 2}, status=422, code="invalid")
    user.patch(path, {"state": "pending_deletion"})
    user.refused("PATCH", path, {"state": "queued"}, status=409, code="illegal_move")
    assert user.patch(path, {"state": "finished", "end_time": "2026-01-01T01:00:00Z"})["version"] == 5
    assert trail(user, "batch_job", created["id"]) == ["batch_job.created", *["batch_job.state_changed"] * 4]


def test_a_patch_by_filter_moves_batch_jobs_too(user: User) -> None:
    site = user.site()
    ids = [user.post("/batch-jobs/", {"site_id": site})["id"] for _ in range(3)]
    user.patch(f"/batch-jobs/{ids[0]}", {"state": "queued"})
    body = {"filter": {"site_id": site, "state": "pending_submission"}, "patch": {"state": "pending_deletion"}}
    assert user.patch("/batch-jobs/", body) == {"updated": 2}
    assert user.post("/batch-jobs/counts", {"by": "state"})["counts"] == {"pending_deletion": 2, "queued": 1}


def test_a_session_is_alive_from_the_start_and_gone_when_ended(user: User) -> None:
    site = user.site()
    created = user.post("/sessions/", {"site_id": site, "ttl_sec": 5})
    assert created["expires_at"] > created["heartbeat"] >= created["creation_date"]
    beat = user.post(f"/sessions/{created['id']}/heartbeat")
    assert beat["expires_at"] > created["expires_at"]
    assert beat["cancel"] == []
    assert user.get(f"/sites/{site}")["last_refresh"]
    user.delete(f"/sessions/{created['id']}")
    for verb in ("heartbeat", "acquire", "acquire-batch-jobs"):
        assert (
            "session"
            in user.refused("POST", f"/sessions/{created['id']}/{verb}", {}, status=404, code="not_found")["detail"]
        )
    assert trail(user, "session", created["id"]) == ["session.created", "session.deleted"]


def test_a_session_inside_a_batch_job_is_at_its_site(world: World, user: User) -> None:
    site, other = user.site(), user.site()
    batch = user.post("/batch-jobs/", {"site_id": site})["id"]
    user.session(site, batch_job_id=batch)
    user.refused("POST", "/sessions/", {"site_id": other, "batch_job_id": batch}, status=422, code="invalid")
    user.refused("POST", "/sessions/", {"site_id": site, "batch_job_id": 10**9}, status=422, code="invalid")
    stranger = world.user()
    body = {"site_id": stranger.site(), "batch_job_id": batch}
    stranger.refused("POST", "/sessions/", body, status=422, code="invalid")


# ---- Apps -----------------------------------------------------------------------------------------------------------


def test_an_apps_places_become_its_parameters(user: User) -> None:
    app = user.post("/apps/", {"site_id": user.site(), "name": "A", "command_template": "run {{ a }} {{b}} {{ a }}",
                               "parameters": {"b": {"required": False, "default": 1, "help": "x"}}})  # fmt: skip
    assert app["parameters"] == {"a": {"required": True}, "b": {"required": False, "default": 1, "help": "x"}}


def test_changing_half_of_an_app_keeps_template_and_parameters_together(user: User) -> None:
    path = f"/apps/{user.app(command_template='run {{ a }} {{ b }}')}"
    assert user.patch(path, {"parameters": {"a": {"required": False, "default": 1}}})["parameters"] == {
        "a": {"required": False, "default": 1}, "b": {"required": True},
    }  # fmt: skip
    assert user.patch(path, {"command_template": "run {{ a }} {{ c }}"})["parameters"] == {
        "a": {"required": False, "default": 1}, "c": {"required": True},
    }  # fmt: skip
    assert set(user.patch(path, {"description": "x"})["parameters"]) == {"a", "c"}


def test_new_parameters_of_an_app_bind_the_jobs_made_afterwards(user: User) -> None:
    app = user.app(command_template="run {{ a }}")
    old = user.job(app, parameters={"a": 1})
    user.patch(f"/apps/{app}", {"command_template": "run {{ a }} {{ b }}"})
    user.refused("POST", "/jobs/", {"app_id": app, "workdir": "w", "parameters": {"a": 1}}, status=422, code="invalid")
    assert user.get(f"/jobs/{old['id']}")["parameters"] == {"a": 1}


BAD_APPS: list[dict[str, Any]] = [
    {"command_template": "{{ a | safe }}"}, {"command_template": "{% for x in y %}"}, {"command_template": "{{ a.b }}"},
    {"parameters": {"a b": {}}}, {"parameters": {"a": 1}}, {"parameters": {"a": {"requird": True}}},
    {"parameters": {"a": {"required": True, "default": 1}}}, {"parameters": {"a": {"required": "no"}}},
    {"transfers": {"f": 5}}, {"transfers": {"f": {"direction": "sideways"}}}, {"transfers": {"f": {"local_path": "../x"}}},
    {"transfers": {"../f": {}}}, {"transfers": {"f": {"local_path": "/etc/passwd"}}}, {"transfers": {"f": {"recursive": 1}}},
    {"cleanup_files": ["../*"]}, {"cleanup_files": ["/tmp/*"]}, {"cleanup_files": [5]}, {"environment": {"A=B": "c"}},
    {"environment": {"": "c"}}, {"environment": {"A": 5}}, {"name": "has space"}, {"name": "1a"}, {"site_id": 10**9},
]  # fmt: skip


@pytest.mark.parametrize("fields", BAD_APPS, ids=str)
def test_an_app_that_cannot_work_is_refused_when_made_and_when_changed(user: User, fields: dict[str, Any]) -> None:
    site = user.site()
    body = {"site_id": site, "name": "A", "command_template": "true", **fields}
    assert user.refused("POST", "/apps/", body, status=422, code="invalid")["detail"]
    app = user.app(site)
    user.refused("PATCH", f"/apps/{app}", fields, status=422, code="invalid")
    assert user.get(f"/apps/{app}")["version"] == 1


def test_an_app_with_jobs_stays_at_its_site(world: World, user: User) -> None:
    app, other = user.app(), user.site()
    foreign = world.user().site()
    user.refused("PATCH", f"/apps/{app}", {"site_id": foreign}, status=422, code="invalid")
    assert user.patch(f"/apps/{app}", {"site_id": other})["site_id"] == other
    user.job(app)
    assert (
        "jobs" in user.refused("PATCH", f"/apps/{app}", {"site_id": user.site()}, status=409, code="conflict")["detail"]
    )


def test_parameters_are_held_against_the_app_when_made_and_when_changed(user: User) -> None:
    app = user.app(command_template="echo {{ name }}", parameters={"n": {"required": False}})

    def create(parameters: dict[str, Any]) -> dict[str, Any]:
        return user.refused(
            "POST", "/jobs/", {"app_id": app, "workdir": "w", "parameters": parameters}, status=422, code="invalid"
        )

    assert "lacks parameter 'name'" in create({"n": 1})["detail"]
    assert create({"name": 1, "nmae": 2})["hint"] == "Did you mean 'name'?"
    job = user.job(app, parameters={"name": "x"})
    for parameters in ({}, {"name": 1, "nmae": 2}):
        user.refused("PATCH", f"/jobs/{job['id']}", {"parameters": parameters}, status=422, code="invalid")
        user.refused("PATCH", "/jobs/", [{"id": job["id"], "parameters": parameters}], status=422, code="invalid")
        user.refused("PATCH", "/jobs/", {"filter": {}, "patch": {"parameters": parameters}}, status=422, code="invalid")
        body = {"parameters": parameters, "state": "FAILED"}
        user.refused("PATCH", f"/jobs/{job['id']}", body, status=422, code="invalid")
    assert user.patch(f"/jobs/{job['id']}", {"parameters": {"name": "y", "n": 2}})["parameters"] == {
        "name": "y",
        "n": 2,
    }


# ---- deleting -------------------------------------------------------------------------------------------------------


def test_deleting_a_site_takes_what_hangs_on_it_and_leaves_the_history(user: User) -> None:
    site = user.site()
    app = user.app(site, transfers={"f": {"direction": "in"}})
    job = user.job(app, transfers={"f": "local:/x"})
    batch, session = user.post("/batch-jobs/", {"site_id": site})["id"], user.session(site)
    (item,) = user.get("/transfers/")["results"]
    user.delete(f"/sites/{site}")
    for path in ("sites", "apps", "jobs", "batch-jobs", "sessions", "transfers"):
        assert user.get(f"/{path}/", count=True)["count"] == 0, path
    for entity, its in (
        ("site", site),
        ("app", app),
        ("job", job["id"]),
        ("batch_job", batch),
        ("session", session),
        ("transfer_item", item["id"]),
    ):
        assert trail(user, entity, its)[-1] == f"{entity}.deleted"


def test_a_site_with_a_leased_job_is_not_deleted_and_neither_is_anything_below(user: User) -> None:
    site = user.site()
    app = user.app(site)
    jobs = user.jobs(app, 3)
    (held,) = user.acquire(user.session(site))
    for path in (f"/sites/{site}", f"/apps/{app}"):
        refusal = user.refused("DELETE", path, status=409, code="leased")
        assert str(held["id"]) in refusal["detail"]
        assert refusal["hint"]
    assert user.states(*jobs) == ["PREPROCESSED"] * 3


def test_deleting_by_filter_leaves_leased_jobs_and_names_them(user: User) -> None:
    site = user.site()
    jobs = user.jobs(user.app(site), 4)
    (held,) = user.acquire(user.session(site))
    user.refused("DELETE", f"/jobs/{held['id']}", status=409, code="leased")
    assert user.post("/jobs/delete", {"filter": {}}) == {"deleted": 3, "not_deleted": [held["id"]]}
    assert sorted(user.states(*jobs)) == ["PREPROCESSED", "deleted", "deleted", "deleted"]


def test_nothing_is_deleted_or_cancelled_by_saying_nothing(user: User) -> None:
    jobs = user.jobs(user.app(), 2)
    for path in (
        "/jobs/",
        "/jobs/?limit=1",
        "/jobs/?ordering=id",
        "/jobs/?fields=id",
        "/jobs/?all=yes",
        "/jobs/?offset=1",
    ):
        user.refused("DELETE", path, status=422, code="invalid")
    for path in ("/jobs/delete", "/jobs/cancel"):
        user.refused("POST", path, status=422, code="invalid")
        user.refused("POST", path, {}, status=422, code="invalid")
        user.refused("POST", path, {"exclude": []}, status=422, code="invalid")
    user.refused("PATCH", "/jobs/", {"patch": {"priority": 1}}, status=422, code="invalid")
    assert user.states(*jobs) == ["PREPROCESSED"] * 2
    assert user.ask("DELETE", f"/jobs/?id={jobs[0]}").json() == {"deleted": 1, "not_deleted": []}
    assert user.ask("DELETE", "/jobs/?all=true").json() == {"deleted": 1, "not_deleted": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/jobs/?limt=5"), ("GET", "/jobs/{}?fields=id"), ("POST", "/jobs/?formt=rows"), ("POST", "/jobs/?format=row"),
     ("PATCH", "/jobs/{}?forse=true"), ("PATCH", "/jobs/{}?force=yes"), ("PATCH", "/jobs/?if_version=2"), ("DELETE", "/jobs/{}?force=true"),
     ("POST", "/jobs/query?limit=5"), ("POST", "/jobs/delete?all=true"), ("POST", "/jobs/cancel?x=1"), ("POST", "/jobs/counts?by=state")],
)  # fmt: skip
def test_an_unknown_parameter_of_the_url_is_refused(user: User, method: str, path: str) -> None:
    job = user.job(user.app())
    refusal = user.refused(method, path.format(job["id"]), {}, status=422, code="invalid")
    assert refusal["detail"]


def test_only_event_types_of_the_closed_list_are_written(world: World) -> None:
    assert {r[0] for r in world.sql("SELECT DISTINCT type FROM event_log")} <= set(EVENT_TYPES)


def test_the_api_describes_itself(world: World, user: User) -> None:
    described = user.http.get(f"{world.url}/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/api/v1/sessions/{id}/acquire" in described["paths"]
    operations = [o["operationId"] for p in described["paths"].values() for o in p.values()]
    assert len(operations) == len(set(operations))


def test_health_tells_redis_and_schema(world: World, user: User) -> None:
    assert user.http.get(f"{world.url}/healthz").json() == {"status": "ok"}
    ready = user.http.get(f"{world.url}/readyz")
    assert (ready.status_code, ready.json()["redis"], ready.json()["schema"]) == (200, "up", ready.json()["wanted"])


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/jobs/1/nothing", "/jobs/x", "/jobs/-1", "/jobs/²", "/jobs/" + "9" * 5000, "/jobs/%00", "/jobs/1.0"],
)
def test_what_is_not_there_is_a_problem_with_a_name(user: User, path: str) -> None:
    user.refused("GET", path, status=404, code="not_found")


def test_a_method_that_a_route_has_not_is_a_problem_with_a_name(user: User) -> None:
    user.refused("PUT", "/jobs/", {}, status=405, code="method_not_allowed")

"""Reading: every filter and ordering that Balsam's users know, pages that never skip or repeat, counts."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest

from storax_core.resources import RESOURCES, Resource
from world import User, World


@pytest.fixture(scope="module")
def user(world: World) -> User:
    """A user with two sites, three Apps and forty jobs in all sorts of states."""
    user = world.user()
    for name, path in (("laptop", "/srv/ann/site"), ("cluster", "/lus/theta/site_1")):
        user.site(name, path=path)
    sites = {s["name"]: s["id"] for s in user.get("/sites/")["results"]}
    apps = [
        user.app(sites["laptop"], name="Hello"),
        user.app(sites["laptop"], name="Bye"),
        user.app(sites["cluster"], name="Hello"),
    ]
    rng = random.Random(4)
    rows = [
        {
            "app_id": apps[i % 3], "workdir": f"w{i % 7}/run_{i:02}", "tags": {"even": str(i % 2 == 0), "mod": str(i % 5)},
            "data": {"n": i % 4, "list": [i % 3]}, "num_nodes": 1 + i % 4, "priority": rng.randint(-2, 2),
            "wall_time_min": i % 3, "pending_file_cleanup": i % 4 != 0, "gpus_per_rank": (i % 3) / 2,
            "mem_per_node_mb": i % 4 * 100,
        }
        for i in range(40)
    ]  # fmt: skip
    jobs = user.post("/jobs/", rows)["results"]
    user.patch("/jobs/", [{"id": j["id"], "state": "FAILED", "return_code": i} for i, j in enumerate(jobs[:9])])
    session = user.session(sites["cluster"])
    user.finish(session, *user.acquire(session, 4, app_ids=[apps[2]]))
    return user


@pytest.fixture
def own(world: World) -> User:
    """A user with nothing."""
    return world.user()


@pytest.fixture(scope="module")
def jobs(user: User) -> list[dict[str, Any]]:
    matches: list[dict[str, Any]] = user.get("/jobs/", limit=1000)["results"]
    assert len(matches) == 40
    return matches


def ids(answer: dict[str, Any]) -> set[int]:
    return {r["id"] for r in answer["results"]}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _urlish(value: dict[str, Any]) -> list[str]:
    plain = all(isinstance(v, str) for v in value.values())
    return [f"{k}:{v}" for k, v in value.items()] if plain else [orjson.dumps(value).decode()]


def both(user: User, path: str, exclude: list[dict[str, Any]] | None = None, **filters: Any) -> set[int]:
    """What the body's form finds, having checked that the URL's form finds the same."""
    matches = ids(user.post(f"/{path}/query", {"filter": filters, "exclude": exclude or [], "limit": 10000}))
    urlish = {k: _urlish(v) if isinstance(v, dict) else v for k, v in filters.items()}
    if not exclude and not any(v in (None, [], {}) or None in _list(v) for v in filters.values()):
        assert ids(user.get(f"/{path}/", limit=10000, **urlish)) == matches
    return matches


JOB_FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({"state": "FAILED"}, lambda j: j["state"] == "FAILED"),
    ({"state": ["FAILED", "JOB_FINISHED"]}, lambda j: j["state"] in ("FAILED", "JOB_FINISHED")),
    ({"state": []}, lambda j: False),
    ({"state__ne": "FAILED"}, lambda j: j["state"] != "FAILED"),
    ({"state__ne": ["FAILED", "PREPROCESSED"]}, lambda j: j["state"] not in ("FAILED", "PREPROCESSED")),
    ({"workdir__contains": "run_1"}, lambda j: "run_1" in j["workdir"]),
    ({"workdir__contains": "_"}, lambda j: True),
    ({"workdir__contains": "%"}, lambda j: False),
    ({"workdir__startswith": "w3"}, lambda j: j["workdir"].startswith("w3")),
    ({"workdir": "w0/run_00"}, lambda j: j["workdir"] == "w0/run_00"),
    ({"tags": {"even": "True"}}, lambda j: j["tags"]["even"] == "True"),
    ({"tags": {"even": "True", "mod": "0"}}, lambda j: j["tags"] == {"even": "True", "mod": "0"}),
    ({"tags": {"mod": "9"}}, lambda j: False),
    ({"tags": {}}, lambda j: True),
    ({"data": {"list": [1]}}, lambda j: j["data"]["list"] == [1]),
    ({"pending_file_cleanup": True}, lambda j: j["pending_file_cleanup"]),
    ({"pending_file_cleanup": False}, lambda j: not j["pending_file_cleanup"]),
    ({"num_nodes": 2}, lambda j: j["num_nodes"] == 2),
    ({"num_nodes__gt": 2}, lambda j: j["num_nodes"] > 2),
    ({"num_nodes__gte": 2, "num_nodes__lt": 4}, lambda j: 2 <= j["num_nodes"] < 4),
    ({"gpus_per_rank__lte": 0.5}, lambda j: j["gpus_per_rank"] <= 0.5),
    ({"mem_per_node_mb__gt": 100}, lambda j: j["mem_per_node_mb"] > 100),
    ({"return_code": 3}, lambda j: j["return_code"] == 3),
    ({"return_code": None}, lambda j: j["return_code"] is None),
    ({"return_code": [None, 3]}, lambda j: j["return_code"] in (None, 3)),
    ({"return_code__ne": 3}, lambda j: j["return_code"] != 3),
    ({"return_code__ne": None}, lambda j: j["return_code"] is not None),
    ({"return_code__ne": [None, 3]}, lambda j: j["return_code"] not in (None, 3)),
    ({"return_code__isnull": True}, lambda j: j["return_code"] is None),
    ({"return_code__isnull": False}, lambda j: j["return_code"] is not None),
    ({"return_code__lt": 4}, lambda j: j["return_code"] is not None and j["return_code"] < 4),
    ({"session_id": None, "state": "PREPROCESSED"}, lambda j: j["state"] == "PREPROCESSED"),
    ({"priority__gte": 0, "state": "FAILED"}, lambda j: j["priority"] >= 0 and j["state"] == "FAILED"),
]


@pytest.mark.parametrize(("filters", "keeps"), JOB_FILTERS, ids=lambda p: str(p) if isinstance(p, dict) else "")
def test_a_filter_of_jobs_keeps_exactly_those(
    user: User, jobs: list[dict[str, Any]], filters: dict[str, Any], keeps: Any
) -> None:
    assert both(user, "jobs", **filters) == {j["id"] for j in jobs if keeps(j)}


@pytest.mark.parametrize(("filters", "keeps"), JOB_FILTERS, ids=lambda p: str(p) if isinstance(p, dict) else "")
def test_excluding_is_the_opposite_of_filtering(
    user: User, jobs: list[dict[str, Any]], filters: dict[str, Any], keeps: Any
) -> None:
    assert both(user, "jobs", [filters]) == {j["id"] for j in jobs if not keeps(j)}


def test_exclusions_are_each_not_all_of_their_filters(user: User, jobs: list[dict[str, Any]]) -> None:
    matches = both(user, "jobs", [{"state": "FAILED", "num_nodes": 1}, {"priority": 2}])
    assert matches == {
        j["id"] for j in jobs if not (j["state"] == "FAILED" and j["num_nodes"] == 1) and j["priority"] != 2
    }


def test_jobs_are_found_by_the_names_of_their_app_and_site(user: User, jobs: list[dict[str, Any]]) -> None:
    apps = {a["id"]: a for a in user.get("/apps/")["results"]}
    hello = {j["id"] for j in jobs if apps[j["app_id"]]["name"] == "Hello"}
    assert both(user, "jobs", app_name="Hello") == hello
    assert both(user, "jobs", app_name=["Hello", "Bye"]) == {j["id"] for j in jobs}
    cluster = {j["id"] for j in jobs if apps[j["app_id"]]["site_id"] == apps[max(apps)]["site_id"]}
    assert both(user, "jobs", site_name="cluster") == cluster
    assert both(user, "jobs", site_name="cluster", app_name="Bye") == set()
    assert both(user, "jobs", app_id=[min(apps), max(apps)]) == {
        j["id"] for j in jobs if j["app_id"] in (min(apps), max(apps))
    }
    assert both(user, "jobs", id=[jobs[3]["id"], jobs[5]["id"], 10**12]) == {jobs[3]["id"], jobs[5]["id"]}


def test_jobs_are_found_by_time(user: User, jobs: list[dict[str, Any]]) -> None:
    times = sorted(j["last_update"] for j in jobs)
    middle = times[20]
    before, after = both(user, "jobs", last_update_before=middle), both(user, "jobs", last_update_after=middle)
    assert before == {j["id"] for j in jobs if j["last_update"] < middle}
    assert after == {j["id"] for j in jobs if j["last_update"] > middle}
    assert both(user, "jobs", last_update=middle) == {j["id"] for j in jobs if j["last_update"] == middle}
    elsewhere = datetime.fromisoformat(middle).astimezone(tz=None) + timedelta(0)
    assert both(user, "jobs", last_update_before=elsewhere.isoformat()) == before
    assert both(user, "jobs", last_update_after="0001-01-01T00:00:00Z") == {j["id"] for j in jobs}
    assert both(user, "jobs", last_update_after="9999-12-31T23:59:59.999999Z") == set()


def test_children_are_found_by_their_parents(user: User, own: User) -> None:
    app = own.app()
    a, b = own.jobs(app, 2)
    created = [own.job(app, parent_ids=p)["id"] for p in ([a], [a, b], [b])]
    assert both(own, "jobs", parent_id=a) == set(created[:2])
    assert both(own, "jobs", parent_id=[a, b]) == set(created)
    assert both(own, "jobs", parent_id=created[0]) == set()
    assert both(user, "jobs", parent_id=a) == set()


@pytest.mark.parametrize("text", ["2026-01-01T12:00:00", "2026-01-01"])
def test_a_time_without_a_zone_is_refused_with_the_way_out(user: User, text: str) -> None:
    for method, path, body in (
        ("GET", f"/jobs/?creation_date_after={text}", None),
        ("POST", "/jobs/query", {"filter": {"creation_date_after": text}}),
        ("GET", f"/events/?timestamp_before={text}", None),
    ):
        problem = user.refused(method, path, body, status=422, code="invalid")
        assert "names no time zone; add Z for UTC, or an offset" in problem["detail"]


def test_sites_and_apps_are_found_as_in_balsam(user: User) -> None:
    sites = {s["name"]: s["id"] for s in user.get("/sites/")["results"]}
    assert both(user, "sites", name="laptop") == {sites["laptop"]}
    assert both(user, "sites", name=["laptop", "x"]) == {sites["laptop"]}
    assert both(user, "sites", path__contains="theta") == {sites["cluster"]}
    assert both(user, "sites", last_refresh_after="2999-01-01T00:00:00Z") == set()
    user.post(f"/sessions/{user.session(sites['laptop'])}/heartbeat")
    assert sites["laptop"] in both(user, "sites", last_refresh_after="2020-01-01T00:00:00Z")
    apps = user.get("/apps/")["results"]
    at_cluster = {a["id"] for a in apps if a["site_id"] == sites["cluster"]}
    assert both(user, "apps", site_name="cluster") == at_cluster
    assert both(user, "apps", site_path="theta") == at_cluster
    assert both(user, "apps", site_path="site_") == {a["id"] for a in apps if a["site_id"] == sites["cluster"]}
    assert both(user, "apps", site_id=list(sites.values()), name="Hello") == {
        a["id"] for a in apps if a["name"] == "Hello"
    }


def test_batch_jobs_are_found_as_in_balsam(own: User) -> None:
    site = own.site()
    created = [
        own.post("/batch-jobs/", {"site_id": site, "queue": q, "filter_tags": {"q": q}})["id"]
        for q in ("debug", "prod", "prod")
    ]
    own.patch(f"/batch-jobs/{created[1]}", {"state": "queued", "scheduler_id": "77"})
    own.patch(f"/batch-jobs/{created[2]}", {"state": "running", "start_time": "2026-01-02T00:00:00Z"})
    assert both(own, "batch-jobs", site_id=site, queue="prod") == set(created[1:])
    assert both(own, "batch-jobs", site_id=site, state=["queued", "running"]) == set(created[1:])
    assert both(own, "batch-jobs", scheduler_id="77") == {created[1]}
    assert both(own, "batch-jobs", site_id=site, start_time_after="2026-01-01T00:00:00Z") == {created[2]}
    assert both(own, "batch-jobs", site_id=site, start_time_before="2026-01-01T00:00:00Z") == set()
    assert both(own, "batch-jobs", site_id=site, end_time__isnull=True) == set(created)
    assert both(own, "batch-jobs", site_id=site, filter_tags={"q": "prod"}) == set(created[1:])


def test_transfers_are_found_as_in_balsam(own: User) -> None:
    app = own.app(transfers={"a": {"direction": "in"}, "b": {"direction": "out"}})
    first = own.job(app, tags={"k": "1"}, transfers={"a": "x:/a", "b": "x:/b"})["id"]
    second = own.job(app, tags={"k": "2"}, transfers={"a": "x:/a", "b": "x:/b"})["id"]
    items = own.get("/transfers/", job_id=[first, second])["results"]

    def of(job: int, *directions: str) -> set[int]:
        return {i["id"] for i in items if i["job_id"] == job and i["direction"] in directions}

    assert both(own, "transfers", job_id=first) == of(first, "in", "out")
    assert both(own, "transfers", job_id=[first, second], direction="in") == of(first, "in") | of(second, "in")
    assert both(own, "transfers", tags={"k": "2"}) == of(second, "in", "out")
    assert both(own, "transfers", job_state="READY", tags={"k": "1"}) == of(first, "in", "out")
    assert both(own, "transfers", job_state=["RUNNING"]) == set()
    assert both(own, "transfers", state="awaiting_job", job_id=first) == of(first, "out")


def test_events_are_found_as_in_balsam_and_beyond(user: User, jobs: list[dict[str, Any]]) -> None:
    failed, finished = ([j for j in jobs if j["state"] == s] for s in ("FAILED", "JOB_FINISHED"))
    a = failed[0]["id"]
    of_a = both(user, "events", job_id=a)
    assert [e["type"] for e in user.events(job_id=a)] == ["job.created", "job.state_changed"]
    assert both(user, "events", entity="job", entity_id=a) == of_a
    assert both(user, "events", to_state="FAILED", job_id=a) < of_a
    assert both(user, "events", from_state="PREPROCESSED", to_state="FAILED", job_id=[a]) == both(
        user, "events", to_state="FAILED", job_id=a
    )
    assert len(both(user, "events", to_state="JOB_FINISHED")) == len(finished)
    assert both(user, "events", data={"return_code": 3}) == both(
        user, "events", job_id=failed[3]["id"], type="job.state_changed"
    )
    tagged = {j["id"] for j in jobs if j["tags"]["mod"] == "1"}
    assert {e["job_id"] for e in user.events(tags={"mod": "1"})} == tagged
    (first, *_), (*_, last) = user.events(job_id=a), user.events(job_id=a)
    assert both(user, "events", job_id=a, timestamp_before=last["timestamp"]) == {first["id"]}
    assert both(user, "events", job_id=a, position__gt=first["position"]) == {last["id"]}
    assert both(user, "events", id=[first["id"], last["id"]]) == of_a
    assert len({e["command_id"] for e in user.events(command_id=last["command_id"])}) == 1
    assert both(user, "events", actor="session:1", job_id=a) == set()


def test_events_of_what_a_batch_job_ran_are_found_by_it(own: User) -> None:
    site = own.site()
    job = own.job(own.app(site))["id"]
    batch = own.post("/batch-jobs/", {"site_id": site})["id"]
    own.patch(f"/batch-jobs/{batch}", {"state": "running", "scheduler_id": "sched.9"})
    session = own.session(site, batch_job_id=batch)
    own.finish(session, *own.acquire(session))
    expected = both(own, "events", job_id=job)
    assert both(own, "events", batch_job_id=batch) == expected
    assert both(own, "events", scheduler_id="sched.9") == expected
    assert own.get(f"/jobs/{job}")["batch_job_id"] == batch


def test_events_of_what_is_deleted_are_found_by_what_it_was(own: User) -> None:
    """A job's tags and BatchJob, and a BatchJob's scheduler id, answer for the log when the rows are gone."""
    site = own.site()
    app, other = own.app(site), own.app(site)
    job, spare = own.job(app, tags={"case": "old", "a": "b"})["id"], own.job(other, tags={"case": "old"})["id"]
    first, second = (own.post("/batch-jobs/", {"site_id": site})["id"] for _ in range(2))
    for batch, called in ((first, "gone.1"), (second, "gone.2")):
        own.patch(f"/batch-jobs/{batch}", {"state": "running", "scheduler_id": called})
    session = own.session(site, batch_job_id=first)
    own.finish(session, *own.acquire(session, app_ids=[app]), last="RUN_ERROR")
    again = own.session(site, batch_job_id=second)
    own.patch(f"/jobs/{job}", {"state": "RESTART_READY"})
    own.finish(again, *own.acquire(again, app_ids=[app]))
    own.patch("/jobs/", [{"id": job, "tags": {"case": "new"}}])
    own.delete(f"/jobs/{job}")
    own.delete(f"/batch-jobs/{first}")
    whole = both(own, "events", job_id=job)
    assert len(whole) > 5
    for batch in (first, second):
        assert both(own, "events", batch_job_id=batch) == whole
    assert both(own, "events", scheduler_id=["gone.1", "none"]) == whole
    assert both(own, "events", scheduler_id="gone.2") == whole
    assert both(own, "events", tags={"case": "new"}) == whole
    assert both(own, "events", tags={"case": "old"}) == both(own, "events", job_id=spare)
    assert own.events(job_id=job)[-1]["data"] == {"last": {"tags": {"case": "new"}}}


def test_events_of_what_is_deleted_are_ones_own(world: World, own: User) -> None:
    job = own.job(own.app(), tags={"mine": "yes"})["id"]
    own.delete(f"/jobs/{job}")
    assert both(own, "events", tags={"mine": "yes"}) == both(own, "events", job_id=job)
    assert both(world.user(), "events", tags={"mine": "yes"}) == set()


def test_events_come_newest_first(user: User) -> None:
    positions = [e["position"] for e in user.get("/events/", limit=50)["results"]]
    assert positions == sorted(positions, reverse=True)


# ---- order and pages ------------------------------------------------------------------------------------------------


def pages(user: User, path: str, limit: int, **query: Any) -> Iterator[list[dict[str, Any]]]:
    cursor = None
    while True:
        answer = user.post(f"/{path}/query", {"limit": limit, "cursor": cursor, **query})
        yield answer["results"]
        cursor = answer["next"]
        if cursor is None:
            return


ORDERINGS = [(r, sign + name) for r in RESOURCES for name in r.orderings for sign in ("", "-")]


@pytest.mark.parametrize(("resource", "ordering"), ORDERINGS, ids=[f"{r.entity}{o}" for r, o in ORDERINGS])
def test_pages_never_skip_or_repeat_in_any_order(user: User, resource: Resource, ordering: str) -> None:
    whole = user.post(f"/{resource.path}/query", {"ordering": [ordering], "limit": 10000})["results"]
    limit = max(1, len(whole) // 7)
    paged = [row for page in pages(user, resource.path, limit, ordering=[ordering]) for row in page]
    assert [r["id"] for r in paged] == [r["id"] for r in whole]
    name, down = ordering.removeprefix("-"), ordering.startswith("-")
    keys = [(r[name] is None, r[name] if r[name] is not None else "", r["id"]) for r in whole]
    assert all((x >= y) if down else (x <= y) for x, y in pairwise(keys)), keys


@pytest.mark.parametrize(
    "ordering",
    [
        ["state", "-workdir"],
        ["-state", "priority", "-id"],
        ["num_nodes", "-num_nodes"],
        ["-priority", "-last_update", "workdir"],
        [],
    ],
)
def test_pages_never_skip_or_repeat_in_mixed_orders(user: User, ordering: list[str]) -> None:
    for limit in (1, 7, 40):
        matches = [r["id"] for page in pages(user, "jobs", limit, ordering=ordering, fields=["id"]) for r in page]
        assert len(matches) == len(set(matches))
        assert matches == [r["id"] for r in user.post("/jobs/query", {"ordering": ordering, "limit": 10000})["results"]]


def test_nulls_come_last_going_up_and_pages_cross_them(own: User) -> None:
    site = own.site()
    created = [own.post("/batch-jobs/", {"site_id": site})["id"] for _ in range(6)]
    for n, batch in enumerate(created[:3]):
        own.patch(f"/batch-jobs/{batch}", {"start_time": f"2026-01-0{n + 1}T00:00:00Z"})
    for ordering, expected in (("start_time", created), ("-start_time", created[::-1])):
        query = {"filter": {"site_id": site}, "ordering": [ordering]}
        assert [r["id"] for page in pages(own, "batch-jobs", 2, **query) for r in page] == expected


def test_a_cursor_stays_in_place_while_rows_come_and_go(own: User) -> None:
    app = own.app()
    created = own.jobs(app, 30)
    seen: list[int] = []
    for n, page in enumerate(pages(own, "jobs", 4, filter={"app_id": app}, ordering=["id"])):
        seen += [r["id"] for r in page]
        own.delete(f"/jobs/{created[n]}")
        created += own.jobs(app, 1) if n < 3 else []
    assert seen == sorted(set(seen))
    assert set(created[8:30]) <= set(seen)


def test_limit_offset_and_cursor_agree(user: User) -> None:
    query = {"ordering": ["-priority"], "fields": ["id"]}
    whole = [r["id"] for r in user.post("/jobs/query", {**query, "limit": 10000})["results"]]
    for offset in (0, 1, 13, 39, 40, 10**9):
        matches = user.post("/jobs/query", {**query, "limit": 5, "offset": offset})["results"]
        assert [r["id"] for r in matches] == whole[offset : offset + 5]
    first = user.post("/jobs/query", {**query, "limit": 5})
    second = user.post("/jobs/query", {**query, "limit": 5, "cursor": first["next"]})
    assert [r["id"] for r in second["results"]] == whole[5:10]


def test_the_last_page_has_no_next(user: User) -> None:
    assert user.get("/sites/", limit=10000)["next"] is None
    assert user.get("/jobs/", state="RUNNING")["next"] is None


def test_fields_and_rows(user: User) -> None:
    answer = user.get("/jobs/", fields="state,id", limit=2)
    assert all(list(r) == ["state", "id"] for r in answer["results"])
    rows = user.get("/jobs/", fields="state,id,state", limit=2, format="rows")
    assert rows["columns"] == ["state", "id"]
    assert rows["rows"] == [[r["state"], r["id"]] for r in answer["results"]]
    assert "Did you mean 'state'" in user.refused("GET", "/jobs/?fields=stat", status=422, code="invalid")["hint"]


def test_a_query_by_body_and_by_url_are_one(user: User) -> None:
    by_url = user.get(
        "/jobs/",
        state=["FAILED", "JOB_FINISHED"],
        ordering="-priority,id",
        limit=5,
        count="true",
        exclude='{"num_nodes":1}',
    )
    body = {
        "filter": {"state": ["FAILED", "JOB_FINISHED"]},
        "ordering": ["-priority", "id"],
        "limit": 5,
        "count": True,
        "exclude": [{"num_nodes": 1}],
    }
    assert user.post("/jobs/query", body) == by_url
    assert by_url["count"] > 5


# ---- counting -------------------------------------------------------------------------------------------------------


def test_a_count_comes_only_when_asked_for_and_is_of_all_that_match(user: User, jobs: list[dict[str, Any]]) -> None:
    assert user.get("/jobs/", limit=3)["count"] is None
    assert user.get("/jobs/", limit=3, count="true")["count"] == 40
    failed = user.post("/jobs/query", {"filter": {"state": "FAILED"}, "limit": 0, "count": True})
    assert (failed["count"], failed["results"], failed["next"]) == (9, [], None)
    for filters, keeps in JOB_FILTERS:
        counted = user.post("/jobs/query", {"filter": filters, "limit": 0, "count": True})["count"]
        assert counted == sum(bool(keeps(j)) for j in jobs), filters


@pytest.mark.parametrize(
    "by", ["state", "site_id", "num_nodes", "return_code", "app_id", "pending_file_cleanup", "session_id"]
)
def test_counts_by_value_add_up(user: User, jobs: list[dict[str, Any]], by: str) -> None:
    def tally(rows: list[dict[str, Any]]) -> dict[str, int]:
        phrases = [
            "null" if r[by] is None else str(r[by]).lower() if by == "pending_file_cleanup" else str(r[by])
            for r in rows
        ]
        return {w: phrases.count(w) for w in set(phrases)}

    assert user.post("/jobs/counts", {"by": by})["counts"] == tally(jobs)
    some = [j for j in jobs if j["state"] != "FAILED" and j["num_nodes"] > 1]
    body = {"by": by, "filter": {"num_nodes__gt": 1}, "exclude": [{"state": "FAILED"}]}
    assert user.post("/jobs/counts", body)["counts"] == tally(some)


def test_counts_follow_every_way_a_job_changes(own: User) -> None:
    site = own.site()
    app = own.app(site)

    def truth() -> dict[str, int]:
        states = [j["state"] for j in own.get("/jobs/", limit=1000)["results"]]
        return {s: states.count(s) for s in set(states)}

    def reported_counts() -> dict[str, int]:
        counts: dict[str, int] = own.post("/jobs/counts", {"by": "state"})["counts"]
        assert own.get("/jobs/", limit=0, count="true")["count"] == sum(counts.values())
        assert own.post("/jobs/counts", {"by": "state", "filter": {"site_id": site}})["counts"] == counts
        return counts

    created = own.jobs(app, 8)
    children = own.jobs(app, 2, parent_ids=created[:1])
    session = own.session(site)
    leased = own.acquire(session, 4)
    own.finish(session, *leased[:2])
    assert reported_counts() == truth() == {"JOB_FINISHED": 2, "PREPROCESSED": 8}
    own.report(session, leased[2], "RUNNING", "RUN_ERROR")
    own.report(session, leased[3], "RUNNING")
    own.delete(f"/sessions/{session}")
    own.patch(f"/jobs/{created[6]}?force=true", {"state": "AWAITING_PARENTS"})
    own.post("/jobs/cancel", {"filter": {"id": created[7]}})
    own.delete(f"/jobs/{created[4]}")
    own.delete(f"/jobs/{children[0]}")
    assert reported_counts() == truth()
    own.post("/jobs/delete", {"filter": {}})
    assert reported_counts() == truth() == {}


@pytest.mark.parametrize("by", ["tags", "workdirr", "owner_id", "lease_epoch", "hash"])
def test_what_cannot_be_counted_by_is_refused(user: User, by: str) -> None:
    assert user.refused("POST", "/jobs/counts", {"by": by}, status=422, code="invalid")["hint"]

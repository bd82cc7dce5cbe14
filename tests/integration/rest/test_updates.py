"""Changing many: all or none, each its own way or all the same, never on top of a change that was not seen."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from world import User, World


@pytest.fixture
def user(world: World) -> User:
    return world.user()


def versions(user: User, *jobs: int) -> list[int]:
    return [user.get(f"/jobs/{j}")["version"] for j in jobs]


def test_each_row_is_changed_its_own_way(user: User) -> None:
    a, b, c = user.jobs(user.app(), 3)
    answer = user.patch(
        "/jobs/", [{"id": a, "num_nodes": 3}, {"id": b, "tags": {"k": "v"}, "priority": 2}, {"id": c, "data": {"x": 1}}]
    )
    assert answer["updated"] == 3
    rows = [dict(zip(answer["columns"], r, strict=True)) for r in answer["rows"]]
    assert [(r["id"], r["version"]) for r in rows] == [(a, 2), (b, 2), (c, 2)]
    by_id = {j["id"]: j for j in user.get("/jobs/")["results"]}
    assert (by_id[a]["num_nodes"], by_id[a]["priority"], by_id[a]["tags"]) == (3, 0, {})
    assert (by_id[b]["num_nodes"], by_id[b]["priority"], by_id[b]["tags"]) == (1, 2, {"k": "v"})
    assert by_id[c]["data"] == {"x": 1}
    assert {r["last_update"] for r in rows} == {by_id[j]["last_update"] for j in (a, b, c)}
    assert [e["data"] for e in user.events(entity_id=b, entity="job", type="job.updated")] == [
        {"tags": {"k": "v"}, "priority": 2}
    ]


def test_moves_and_fields_go_together_in_one_bulk_update(user: User) -> None:
    a, b, c = user.jobs(user.app(), 3)
    answer = user.patch(
        "/jobs/",
        [{"id": a, "state": "FAILED", "return_code": 1}, {"id": b, "priority": 5}, {"id": c, "state": "PREPROCESSED"}],
    )
    rows = {r[0]: dict(zip(answer["columns"], r, strict=True)) for r in answer["rows"]}
    assert [(rows[j]["version"], rows[j]["state"]) for j in (a, b, c)] == [
        (2, "FAILED"),
        (2, "PREPROCESSED"),
        (1, "PREPROCESSED"),
    ]
    for job in (a, b, c):
        assert user.get(f"/jobs/{job}")["last_update"] == rows[job]["last_update"]


@pytest.mark.parametrize("extra", [{"id": 10**12, "priority": 1}, {"id": 10**12, "state": "FAILED"}])
def test_an_unknown_id_changes_nothing_at_all(user: User, extra: dict[str, Any]) -> None:
    a, b = user.jobs(user.app(), 2)
    refusal = user.refused(
        "PATCH", "/jobs/", [{"id": a, "priority": 1}, extra, {"id": b, "priority": 1}], status=404, code="not_found"
    )
    assert str(10**12) in refusal["detail"]
    assert versions(user, a, b) == [1, 1]


def test_an_illegal_move_changes_nothing_at_all_and_names_the_legal_ones(user: User) -> None:
    a, b = user.jobs(user.app(), 2)
    refusal = user.refused(
        "PATCH",
        "/jobs/",
        [{"id": a, "state": "FAILED"}, {"id": b, "state": "JOB_FINISHED"}],
        status=409,
        code="illegal_move",
    )
    assert "PREPROCESSED" in refusal["detail"]
    assert "FAILED" in refusal["hint"]
    assert versions(user, a, b) == [1, 1]
    user.refused("PATCH", "/jobs/", {"filter": {}, "patch": {"state": "JOB_FINISHED"}}, status=409, code="illegal_move")
    assert versions(user, a, b) == [1, 1]


def test_an_id_twice_in_one_call_is_refused(user: User) -> None:
    (a,) = user.jobs(user.app(), 1)
    user.refused("PATCH", "/jobs/", [{"id": a, "priority": 1}, {"id": a, "priority": 2}], status=422, code="invalid")


def test_one_patch_for_all_that_match(user: User) -> None:
    app = user.app()
    jobs = user.jobs(app, 6)
    user.patch(
        "/jobs/",
        {"filter": {"id": jobs[:4]}, "exclude": [{"id": jobs[0]}], "patch": {"state": "FAILED", "num_nodes": 2}},
    )
    assert user.states(*jobs) == ["PREPROCESSED", "FAILED", "FAILED", "FAILED", "PREPROCESSED", "PREPROCESSED"]
    answer = user.patch("/jobs/", {"filter": {"state": "FAILED"}, "patch": {"num_nodes": 1, "state": "RESTART_READY"}})
    assert answer == {"updated": 3}
    assert {j["num_nodes"] for j in user.get("/jobs/")["results"]} == {1}
    assert user.patch("/jobs/", {"filter": {"state": "FAILED"}, "patch": {"num_nodes": 1}}) == {"updated": 0}
    assert user.patch("/jobs/", {"filter": {"state": []}, "patch": {"num_nodes": 5}}) == {"updated": 0}


def test_an_empty_patch_is_no_event(user: User) -> None:
    (a,) = user.jobs(user.app(), 1)
    before = user.get(f"/jobs/{a}")
    assert user.patch(f"/jobs/{a}", {}) == before
    assert user.patch("/jobs/", [{"id": a}])["updated"] == 1
    assert user.patch(f"/jobs/{a}", {"state": before["state"]}) == before
    assert len(user.events(job_id=a)) == 1


def test_if_version_refuses_what_was_not_seen(user: User) -> None:
    a, b = user.jobs(user.app(), 2)
    assert user.patch(f"/jobs/{a}", {"priority": 1, "if_version": 1})["version"] == 2
    for body in (
        {"priority": 2, "if_version": 1},
        {"state": "FAILED", "if_version": 1},
        {"if_version": 1},
        {"if_version": 3, "priority": 1},
    ):
        refusal = user.refused("PATCH", f"/jobs/{a}", body, status=409, code="stale_version")
        assert "version 2" in refusal["detail"]
    rows = [{"id": b, "priority": 9, "if_version": 1}, {"id": a, "priority": 9, "if_version": 1}]
    user.refused("PATCH", "/jobs/", rows, status=409, code="stale_version")
    user.refused("PATCH", "/jobs/", [r | {"state": "FAILED"} for r in rows], status=409, code="stale_version")
    assert versions(user, a, b) == [2, 1]


@pytest.mark.parametrize("version", ["1", 1.0, True, None, [1], {}, 0, -1, 2**31, 2**64])
def test_an_if_version_that_is_no_version_is_never_ignored(user: User, version: Any) -> None:
    (a,) = user.jobs(user.app(), 1)
    user.refused("PATCH", f"/jobs/{a}", {"priority": 1, "if_version": version}, status=422, code="invalid")
    user.refused("PATCH", "/jobs/", [{"id": a, "priority": 1, "if_version": version}], status=422, code="invalid")
    assert versions(user, a) == [1]


def test_of_writers_with_one_version_exactly_one_wins(user: User) -> None:
    (a,) = user.jobs(user.app(), 1)

    def write(n: int) -> int:
        return user.ask("PATCH", f"/jobs/{a}", {"priority": n, "if_version": 1}).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(write, range(8)))
    assert codes == [200] + [409] * 7
    assert versions(user, a) == [2]


def test_writers_of_overlapping_sets_do_not_block_each_other_for_ever(user: User) -> None:
    jobs = user.jobs(user.app(), 20)

    def write(n: int) -> int:
        rows = [{"id": j, "priority": n} for j in (jobs if n % 2 else jobs[::-1])]
        body = rows if n % 3 else {"filter": {"id": jobs}, "patch": {"tags": {"n": str(n)}}}
        return user.ask("PATCH", "/jobs/", body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(24))) == {200}
    assert versions(user, *jobs) == [25] * 20


def test_a_filter_still_holds_when_its_rows_are_changed(user: User) -> None:
    """Two callers restart what has failed: a job is restarted by one of them, and nobody is told of a conflict."""
    jobs = user.jobs(user.app(), 60)
    user.patch("/jobs/", {"filter": {"id": jobs}, "patch": {"state": "FAILED"}})
    body = {"filter": {"state": "FAILED"}, "patch": {"state": "RESTART_READY"}}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: user.ask("PATCH", "/jobs/", body), range(6)))
    assert {a.status_code for a in answers} == {200}
    assert sum(a.json()["updated"] for a in answers) == 60
    assert versions(user, *jobs[:5]) == [3] * 5


def test_deleting_what_failed_spares_what_was_restarted_meanwhile(world: World, user: User) -> None:
    (a,) = user.jobs(user.app(), 1)
    user.patch(f"/jobs/{a}", {"state": "FAILED"})
    with ThreadPoolExecutor(1) as pool:

        async def hold() -> Any:
            async with world.db.worker() as conn, conn.transaction():
                await conn.execute("UPDATE job_state SET state = 'RESTART_READY' WHERE id = $1", a)
                answer = pool.submit(user.post, "/jobs/delete", {"filter": {"state": "FAILED"}})
                await conn.execute("SELECT pg_sleep(0.3)")
            return answer

        assert world.run(hold()).result() == {"deleted": 0, "not_deleted": []}
    assert user.states(a) == ["RESTART_READY"]
    world.sql("UPDATE job_state SET state = 'FAILED' WHERE id = $1", a)


@pytest.mark.parametrize("body", [[1], ["x"], [[]], [None], [{}], [{"id": "1"}], [{"id": 0}], "x", 5, None, True, {"patch": {}}, {"filter": {}},
                                  {"filter": {}, "patch": []}, {"filter": {}, "patch": {"if_version": 1}}, {"filter": [], "patch": {}}])  # fmt: skip
def test_a_body_of_the_wrong_shape_is_refused(user: User, body: Any) -> None:
    user.refused("PATCH", "/jobs/", raw=b"null" if body is None else None, body=body, status=422, code="invalid")


@pytest.mark.parametrize(
    "body",
    [[], [{}], "x", 5, None, True, {"id": 3}, {"nodes": 2}, {"state": "FAILD"}, {"version": 2}, {"session_id": 3}],
)
def test_a_patch_of_the_wrong_shape_is_refused(user: User, body: Any) -> None:
    (a,) = user.jobs(user.app(), 1)
    refusal = user.refused(
        "PATCH", f"/jobs/{a}", raw=b"null" if body is None else None, body=body, status=422, code="invalid"
    )
    assert refusal["detail"]
    if body == {"nodes": 2}:
        assert "num_nodes" in refusal["hint"]


def test_more_rows_than_a_call_takes_are_refused_at_once(user: User) -> None:
    app = user.app()
    rows = [{"app_id": app, "workdir": "w"}] * 10_001
    assert "10000" in user.refused("POST", "/jobs/", rows, status=413, code="too_large")["detail"]
    user.refused("PATCH", "/jobs/", [{"id": i + 1} for i in range(10_001)], status=413, code="too_large")


def test_a_user_moves_by_the_table_and_an_operator_past_it(user: User) -> None:
    (a,) = user.jobs(user.app(), 1)
    user.refused("PATCH", f"/jobs/{a}", {"state": "RUNNING"}, status=409, code="illegal_move")
    user.refused("PATCH", f"/jobs/{a}?force=true", {"state": "RUNNING"}, status=409, code="illegal_move")
    assert user.patch(f"/jobs/{a}?force=true", {"state": "JOB_FINISHED"})["state"] == "JOB_FINISHED"
    user.patch(f"/jobs/{a}", {"state": "RESTART_READY"})
    assert [e["type"] for e in user.events(job_id=a)] == ["job.created", "job.state_forced", "job.state_changed"]


def test_a_forced_job_is_taken_from_its_holder(user: User) -> None:
    site = user.site()
    user.jobs(user.app(site), 1)
    session = user.session(site)
    (held,) = user.acquire(session)
    user.report(session, held, "RUNNING")
    user.refused("PATCH", f"/jobs/{held['id']}", {"state": "FAILED"}, status=409, code="leased")
    forced = user.patch(f"/jobs/{held['id']}?force=true", {"state": "RESTART_READY"})
    assert (forced["session_id"], forced["lease_epoch"]) == (None, held["lease_epoch"] + 1)
    refused = user.report(session, held, "RUN_DONE")["refused"]
    assert [(r["id"], r["code"]) for r in refused] == [(held["id"], "stale_epoch")]


def test_a_job_forced_to_wait_goes_on_when_there_is_nothing_to_wait_for(user: User) -> None:
    app = user.app()
    parent, orphan = user.jobs(app, 2)
    child = user.job(app, parent_ids=[parent])["id"]
    assert user.patch(f"/jobs/{orphan}?force=true", {"state": "AWAITING_PARENTS"})["state"] == "PREPROCESSED"
    user.patch(f"/jobs/{parent}", {"state": "FAILED"})
    assert user.states(child) == ["FAILED"]
    user.patch(f"/jobs/{parent}", {"state": "RESTART_READY"})
    assert user.patch(f"/jobs/{child}?force=true", {"state": "AWAITING_PARENTS"})["state"] == "AWAITING_PARENTS"
    user.patch(f"/jobs/{parent}?force=true", {"state": "JOB_FINISHED"})
    assert user.states(child) == ["PREPROCESSED"]

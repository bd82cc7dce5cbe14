"""Files come in before the run and go out after it; the job waits for them, and fails with them."""

from typing import Any

import pytest

from world import User, World

SLOTS = {
    "a": {"direction": "in", "local_path": "in/a"},
    "b": {"direction": "in", "required": False, "recursive": True},
    "out": {"direction": "out", "required": False},
}


@pytest.fixture
def user(world: World) -> User:
    return world.user()


class Case:
    """A job with transfers, and its session."""

    def __init__(self, user: User, *slots: str, **fields: Any) -> None:
        self.user = user
        self.site = user.site()
        self.app = user.app(self.site, transfers=SLOTS)
        self.job = user.job(self.app, transfers={s: f"store:/data/{s}" for s in slots}, **fields)["id"]

    @property
    def state(self) -> str:
        return self.user.states(self.job)[0]

    def items(self) -> dict[str, dict[str, Any]]:
        rows = self.user.get("/transfers/", job_id=self.job)["results"]
        return {r["remote_path"].removeprefix("/data/"): r for r in rows}

    def move(self, state: str, *slots: str) -> None:
        items = self.items()
        self.user.patch("/transfers/", [{"id": items[s]["id"], "state": state} for s in slots])

    def run(self, last: str = "RUN_DONE") -> None:
        session = self.user.session(self.site)
        self.user.finish(session, *self.user.acquire(session), last=last)

    def states(self) -> dict[str, str]:
        return {slot: item["state"] for slot, item in self.items().items()}


def test_a_job_waits_for_all_files_that_come_in(user: User) -> None:
    case = Case(user, "a", "b")
    assert (case.state, case.states()) == ("READY", {"a": "pending", "b": "pending"})
    assert user.acquire(user.session(case.site)) == []
    case.move("active", "a", "b")
    case.move("done", "a")
    assert case.state == "READY"
    case.move("done", "b")
    assert case.state == "PREPROCESSED"
    moves = [e["to_state"] for e in user.events(job_id=case.job)]
    assert moves == ["READY", "STAGED_IN", "PREPROCESSED"]


def test_an_item_knows_where_its_file_lies(user: User) -> None:
    items = Case(user, "a", "b").items()
    assert {k: items["a"][k] for k in ("direction", "local_path", "location_alias", "remote_path", "recursive")} == {
        "direction": "in", "local_path": "in/a", "location_alias": "store", "remote_path": "/data/a", "recursive": False,
    }  # fmt: skip
    assert (items["b"]["local_path"], items["b"]["recursive"]) == ("b", True)


def test_files_go_out_after_the_run_and_not_before(user: User) -> None:
    case = Case(user, "a", "out")
    assert case.states() == {"a": "pending", "out": "awaiting_job"}
    case.move("done", "a")
    case.run()
    assert (case.state, case.states()["out"]) == ("POSTPROCESSED", "pending")
    case.move("done", "out")
    assert case.state == "JOB_FINISHED"


def test_a_job_that_finishes_through_its_files_releases_its_children(user: User) -> None:
    case = Case(user, "a", "out")
    child = user.job(user.app(case.site), parent_ids=[case.job])["id"]
    case.move("done", "a")
    case.run()
    assert user.states(child) == ["AWAITING_PARENTS"]
    case.move("done", "out")
    assert user.states(child) == ["PREPROCESSED"]


def test_a_child_brings_its_files_in_only_when_its_parents_have_finished(user: User) -> None:
    parent = user.job(user.app())["id"]
    case = Case(user, "a", parent_ids=[parent])
    assert (case.state, case.states()) == ("AWAITING_PARENTS", {"a": "awaiting_job"})
    user.patch(f"/jobs/{parent}?force=true", {"state": "JOB_FINISHED"})
    assert (case.state, case.states()) == ("READY", {"a": "pending"})


@pytest.mark.parametrize(("slots", "stage"), [(("a",), "READY"), (("a", "out"), "POSTPROCESSED")])
def test_a_file_that_cannot_be_moved_fails_the_job_and_its_children(
    user: User, slots: tuple[str, ...], stage: str
) -> None:
    case = Case(user, *slots)
    child = user.job(user.app(case.site), parent_ids=[case.job])["id"]
    if stage == "POSTPROCESSED":
        case.move("done", "a")
        case.run()
    assert case.state == stage
    case.move("error", slots[-1])
    assert (case.state, user.states(child)) == ("FAILED", ["FAILED"])
    assert f"/data/{slots[-1]}" in user.events(job_id=case.job, to_state="FAILED")[0]["data"]["message"]


def test_a_second_run_takes_its_files_out_again(user: User) -> None:
    case = Case(user, "a", "out")
    case.move("done", "a")
    case.run()
    case.move("done", "out")
    user.patch(f"/jobs/{case.job}", {"state": "RESTART_READY"})
    case.run()
    assert (case.state, case.states()["out"]) == ("POSTPROCESSED", "pending")


def test_a_retry_after_a_failed_way_out_takes_the_files_out_again_and_does_not_run_again(user: User) -> None:
    case = Case(user, "a", "out")
    case.move("done", "a")
    case.run()
    case.move("error", "out")
    assert case.state == "FAILED"
    user.patch(f"/jobs/{case.job}", {"state": "RESTART_READY"})
    assert (case.state, case.states()["out"]) == ("POSTPROCESSED", "pending")
    assert user.get(f"/jobs/{case.job}")["attempt"] == 1
    case.move("done", "out")
    assert case.state == "JOB_FINISHED"


def test_a_retry_after_a_failed_run_runs_again_though_files_went_out_before(user: User) -> None:
    case = Case(user, "a", "out")
    case.move("done", "a")
    case.run()
    case.move("error", "out")
    user.patch(f"/jobs/{case.job}?force=true", {"state": "RESTART_READY"})
    case.run(last="RUN_ERROR")
    assert (case.state, case.states()["out"]) == ("FAILED", "error")
    user.patch(f"/jobs/{case.job}", {"state": "RESTART_READY"})
    assert case.state == "RESTART_READY"
    case.run()
    assert (case.state, case.states()["out"]) == ("POSTPROCESSED", "pending")


def test_the_files_of_a_job_that_ended_early_end_with_it_and_come_back_with_a_retry(user: User) -> None:
    case = Case(user, "a", "b", "out")
    child = user.job(user.app(case.site, transfers=SLOTS), parent_ids=[case.job], transfers={"a": "store:/data/a"})[
        "id"
    ]
    case.move("active", "b")
    user.post("/jobs/cancel", {"filter": {"id": [case.job]}})
    assert case.states() == {"a": "error", "b": "active", "out": "error"}, "what has begun is the agent's to end"
    assert case.items()["out"]["transfer_info"]["error"].startswith("not moved: its job is ")
    (item,) = user.get("/transfers/", job_id=child)["results"]
    assert item["state"] == "error"
    case.move("error", "b")
    user.patch(f"/jobs/{case.job}", {"state": "RESTART_READY"})
    assert case.states() == {"a": "pending", "b": "pending", "out": "error"}
    case.move("done", "a", "b")
    case.run()
    assert (case.state, case.states()["out"]) == ("POSTPROCESSED", "pending")


@pytest.mark.parametrize("state", ["RESTART_READY", "READY"])
def test_a_retry_of_a_job_whose_files_did_not_come_brings_them_in_first(user: User, state: str) -> None:
    case = Case(user, "a", "b")
    case.move("done", "b")
    case.move("error", "a")
    user.patch(f"/jobs/{case.job}", {"state": state})
    assert (case.state, case.states()) == ("READY", {"a": "pending", "b": "pending"})
    case.move("done", "a", "b")
    assert case.state == "PREPROCESSED"


def test_a_job_fails_with_the_reason_that_its_file_has(user: User) -> None:
    case = Case(user, "a")
    item = case.items()["a"]["id"]
    user.patch("/transfers/", [{"id": item, "state": "error", "transfer_info": {"error": "store:/data/a is gone"}}])
    message = user.events(job_id=case.job, to_state="FAILED")[0]["data"]["message"]
    assert message == "transfer of /data/a failed: store:/data/a is gone"


def test_an_operator_may_have_the_files_brought_in_again(user: User) -> None:
    case = Case(user, "a", "b")
    case.move("error", "a")
    assert case.state == "FAILED"
    user.patch(f"/jobs/{case.job}?force=true", {"state": "READY"})
    assert (case.state, case.states()) == ("READY", {"a": "pending", "b": "pending"})
    case.move("done", "a", "b")
    assert case.state == "PREPROCESSED"


def test_items_move_by_their_table(user: User) -> None:
    case = Case(user, "a", "out")
    items = case.items()
    refusal = user.refused(
        "PATCH", f"/transfers/{items['out']['id']}", {"state": "active"}, status=409, code="illegal_move"
    )
    assert "pending" in refusal["hint"]
    case.move("done", "a")
    user.refused("PATCH", f"/transfers/{items['a']['id']}", {"state": "pending"}, status=409, code="illegal_move")
    assert (
        user.patch(f"/transfers/{items['out']['id']}", {"task_id": "t1", "transfer_info": {"n": 1}})["task_id"] == "t1"
    )
    user.refused("PATCH", f"/transfers/{items['a']['id']}", {"local_path": "x"}, status=422, code="invalid")


BAD: list[Any] = [
    {}, {"b": "x:/b"}, {"a": "x:/a", "c": "x:/c"}, {"a": "nocolon"}, {"a": "x:relative"}, {"a": ":/a"}, {"a": 5}, {"a": None},
    {"a": ["x", "/a"] * 2}, {"a": {"location_alias": "x"}}, {"a": {"location_alias": "x", "path": "/a", "more": 1}},
    {"a": {"location_alias": 5, "path": "/a"}}, {"a": {"location_alias": "x", "path": ["/a"]}}, {"a": "x:/" + "y" * 2000}, [], "x",
]  # fmt: skip


@pytest.mark.parametrize("transfers", BAD, ids=str)
def test_transfers_that_do_not_fit_the_slots_are_refused(user: User, transfers: Any) -> None:
    app = user.app(transfers=SLOTS)
    user.refused("POST", "/jobs/", {"app_id": app, "workdir": "w", "transfers": transfers}, status=422, code="invalid")
    assert user.get("/jobs/", count="true")["count"] == 0


def test_a_place_may_be_given_in_two_parts(user: User) -> None:
    app = user.app(transfers=SLOTS)
    user.job(app, transfers={"a": {"location_alias": "x", "path": "/a:b"}})
    (item,) = user.get("/transfers/")["results"]
    assert (item["location_alias"], item["remote_path"]) == ("x", "/a:b")


def test_items_go_with_their_job_and_leave_their_history(user: User) -> None:
    case = Case(user, "a", "out")
    items = case.items()
    user.delete(f"/jobs/{case.job}")
    assert user.get("/transfers/")["results"] == []
    kinds = [e["type"] for e in user.events(entity="transfer_item", entity_id=items["a"]["id"])]
    assert kinds == ["transfer_item.created", "transfer_item.deleted"]

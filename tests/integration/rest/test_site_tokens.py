"""The token of a site lies where jobs can read it: it leases and reports for that site, and reaches nothing else."""

import re
from typing import Any

import pytest

from storax_api.identity.scope import OPERATIONS
from waiting import eventually
from world import User, World, problem

AT = "2026-01-01T00:00:00Z"


class Place:
    """A site with one of everything."""

    def __init__(self, user: User) -> None:
        self.user, self.site = user, user.site()
        self.app = user.app(self.site, transfers={"f": {"direction": "in", "required": False}})
        self.job = user.job(self.app)["id"]
        staged = user.job(self.app, transfers={"f": "x:/f"})["id"]
        self.transfer = user.post("/transfers/query", {"filter": {"job_id": staged}})["results"][0]["id"]
        self.batch_job = user.post("/batch-jobs/", {"site_id": self.site})["id"]
        self.session = user.session(self.site)

    @property
    def ids(self) -> dict[str, int]:
        return {
            "sites": self.site, "apps": self.app, "jobs": self.job, "transfers": self.transfer,
            "batch-jobs": self.batch_job, "sessions": self.session,
        }  # fmt: skip


@pytest.fixture(scope="module")
def owner(world: World) -> User:
    return world.user()


@pytest.fixture(scope="module")
def mine(owner: User) -> Place:
    return Place(owner)


@pytest.fixture(scope="module")
def other(owner: User) -> Place:
    """Another site of the same owner."""
    return Place(owner)


@pytest.fixture(scope="module")
def agent(world: World, owner: User, mine: Place) -> Any:
    created = owner.post("/tokens/", {"name": "site", "site_id": mine.site})
    user = User(world, owner.name, owner.id, created["token"])
    with user.http:
        yield user


def operations(agent: User) -> list[tuple[str, str, str]]:
    paths = agent.http.get(f"{agent.world.url}/openapi.json").json()["paths"]
    return [
        (operation["operationId"], method.upper(), path.removeprefix("/api/v1"))
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "security" in operation
    ]


def bodies(name: str, place: Place) -> Any:
    """A valid body of each operation of an agent, for rows of ``place``."""
    report = {"id": place.job, "lease_epoch": 99, "moves": [{"to": "RUNNING", "at": AT}]}
    return {
        "session_create": {"site_id": place.site},
        "session_report": {"reports": [report]},
        "session_acquire": {"states": ["RUN_DONE"]},
        "batch_job_create": {"site_id": place.site},
        "batch_job_update_many": [{"id": place.batch_job, "status_info": {"a": 1}}],
        "transfer_item_update_many": [{"id": place.transfer, "transfer_info": {"a": 1}}],
        "job_update_many": [{"id": place.job, "pending_file_cleanup": False}],
        "site_update": {"node_size": {"cores": 1}},
        "site_file_replies": {"replies": []},
        "job_footprint": {"filter": {}},
    }.get(name, {})


def test_every_operation_that_an_agent_does_not_need_is_refused(agent: User, owner: User, mine: Place) -> None:
    before, refused = owner.world.value("SELECT max(position) FROM event_log"), 0
    for name, method, path in operations(agent):
        if name in OPERATIONS:
            continue
        number = mine.ids.get(path.split("/")[1], 1)
        answer = agent.ask(method, path.replace("{id}", str(number)), {} if method in ("POST", "PATCH") else None)
        assert answer.status_code == 403, (name, answer.text)
        assert f"site {mine.site}" in problem(answer, "forbidden")["detail"]
        refused += 1
    assert refused >= 60
    assert {name for name, _, _ in operations(agent)} >= OPERATIONS.keys()
    assert owner.world.value("SELECT max(position) FROM event_log WHERE owner_id = $1", owner.id) <= before


def test_every_operation_of_an_agent_works_at_its_own_site_and_at_no_other(
    agent: User, owner: User, mine: Place, other: Place
) -> None:
    for name, method, path in operations(agent):
        if name in ("session_delete", "whoami", "token_read") or name not in OPERATIONS:
            continue
        answers = []
        for place in (mine, other):
            number = str(place.ids.get(path.split("/")[1], 0))
            body = bodies(name, place) if method != "GET" else None
            answers.append(agent.ask(method, path.replace("{id}", number), body))
        assert answers[0].status_code in (200, 201), (name, answers[0].text)
        if name.endswith(("_query", "_list")):
            assert {row.get("site_id", row["id"]) for row in answers[0].json()["results"]} == {mine.site}, name
        elif name != "job_footprint":
            assert answers[1].status_code in (404, 422), (name, answers[1].text)
            assert "does not exist" in problem(answers[1])["detail"], name
    everything = agent.post("/jobs/footprint", {"filter": {}})["num_jobs"]
    assert everything == owner.post("/jobs/counts", {"by": "site_id"})["counts"][str(mine.site)]


def test_another_sites_things_are_answered_as_those_that_are_not_there(agent: User, other: Place) -> None:
    for path in ("/sites/{}", "/batch-jobs/{}"):
        answers = [agent.ask("GET", path.format(n)) for n in (other.ids[path.split("/")[1]], 10**15)]
        texts = [re.sub(r"\d+", "N", problem(a)["detail"]) for a in answers]
        assert texts[0] == texts[1]
        assert {a.status_code for a in answers} == {404}


def test_an_agent_sees_its_own_token_and_no_other(agent: User, owner: User) -> None:
    me = agent.get("/auth/me")
    assert agent.get(f"/tokens/{me['token_id']}")["site_id"] == me["site_id"]
    agent.refused("GET", f"/tokens/{owner.get('/auth/me')['token_id']}", status=404, code="not_found")
    assert owner.get("/auth/me")["site_id"] is None


@pytest.mark.parametrize("patch", [{"name": "x"}, {"globus_endpoint_id": None}])
def test_an_agent_writes_only_what_it_tells_of_its_site(agent: User, mine: Place, patch: Any) -> None:
    agent.refused("PATCH", f"/sites/{mine.site}", patch, status=403, code="forbidden")


def test_an_agent_changes_no_job_but_by_its_reports(agent: User, mine: Place) -> None:
    for patch in ({"state": "FAILED"}, {"parameters": {}}, {"tags": {}}, {"priority": 5}):
        agent.refused("PATCH", "/jobs/", [{"id": mine.job, **patch}], status=403, code="forbidden")
    where = {"filter": {"id": mine.job}, "patch": {"pending_file_cleanup": False}}
    agent.refused("PATCH", "/jobs/", where, status=403, code="forbidden")
    row = [{"id": mine.transfer, "state": "done"}]
    agent.refused("PATCH", "/transfers/", row, status=403, code="forbidden", params={"force": "true"})


def test_a_session_of_its_own_site_reports_no_job_of_another(agent: User, owner: User, mine: Place) -> None:
    theirs = Place(owner)
    (job, *_) = owner.acquire(theirs.session, 5)
    report = {"id": job["id"], "lease_epoch": job["lease_epoch"], "moves": [{"to": "RUNNING", "at": AT}]}
    session = agent.session(mine.site)
    agent.refused("POST", f"/sessions/{session}/report", {"reports": [report]}, status=404, code="not_found")
    assert owner.get(f"/jobs/{job['id']}")["state"] == "PREPROCESSED"


def test_a_hook_at_a_site_with_a_token_of_its_own_creates_no_job_elsewhere(
    agent: User, owner: User, mine: Place, other: Place
) -> None:
    app = owner.app(mine.site, hooks=["postprocess"], source_code="x")
    job, session = owner.job(app)["id"], agent.session(mine.site)
    (row,) = [row for row in agent.acquire(session, 100) if row["id"] == job]
    report = {
        "id": job,
        "lease_epoch": row["lease_epoch"],
        "moves": [{"to": "RUNNING", "at": AT}, {"to": "RUN_DONE", "at": AT}],
    }
    agent.post(f"/sessions/{session}/report", {"reports": [report]})
    (row,) = [row for row in agent.acquire(session, 100, states=None) if row["id"] == job]
    created = [{"app_id": other.app, "workdir": "elsewhere"}]
    report = {
        "id": job,
        "lease_epoch": row["lease_epoch"],
        "moves": [{"to": "POSTPROCESSED", "at": AT}],
        "jobs": created,
    }
    agent.post(f"/sessions/{session}/report", {"reports": [report]})
    assert owner.get(f"/jobs/{job}")["state"] == "FAILED"
    assert "is at another site" in owner.events(entity="job", entity_id=job)[-1]["data"]["message"]
    assert owner.get("/jobs/", workdir="elsewhere")["results"] == []


def test_names_of_other_sites_do_not_leak_through_filters(agent: User) -> None:
    for path in ("jobs", "apps"):
        agent.refused("POST", f"/{path}/query", {"filter": {"site_name": "x"}}, status=403, code="forbidden")


def test_an_agent_reads_no_past(agent: User, mine: Place) -> None:
    agent.refused("POST", "/jobs/query", {"as_of": 5}, status=403, code="forbidden")
    agent.refused("GET", f"/sites/{mine.site}", status=403, code="forbidden", params={"as_of": "5"})


def test_a_token_for_a_site_needs_a_site_of_ones_own(world: World, owner: User, other: Place) -> None:
    stranger = world.user()
    for number in (other.site, 10**15):
        stranger.refused("POST", "/tokens/", {"site_id": number}, status=422, code="invalid")


def test_the_token_of_a_site_goes_with_it(world: World, owner: User) -> None:
    site = owner.site()
    created = owner.post("/tokens/", {"site_id": site})
    owner.delete(f"/sites/{site}")
    owner.refused("GET", f"/tokens/{created['id']}", status=404, code="not_found")
    agent = User(world, owner.name, owner.id, created["token"])
    with agent.http:
        eventually(lambda: agent.ask("GET", "/auth/me").status_code == 401, step=0.1)


# ---- ids of allocations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["--me", "-u", "", "0", "00", "a b", "1;2", "1\n2", "é", "x" * 300, "*"])
def test_an_id_that_a_command_could_take_for_something_else_is_refused(owner: User, other: Place, text: str) -> None:
    owner.refused("PATCH", f"/batch-jobs/{other.batch_job}", {"scheduler_id": text}, status=422, code="invalid")


def test_the_id_of_an_allocation_is_set_by_the_agent_alone(agent: User, owner: User, mine: Place, other: Place) -> None:
    for send in (
        lambda body: owner.refused("PATCH", f"/batch-jobs/{mine.batch_job}", body, status=403, code="forbidden"),
        lambda body: owner.refused(
            "PATCH", "/batch-jobs/", [{"id": mine.batch_job, **body}], status=403, code="forbidden"
        ),
        lambda body: owner.refused(
            "PATCH", "/batch-jobs/", {"filter": {"id": mine.batch_job}, "patch": body}, status=403, code="forbidden"
        ),
    ):
        assert "set by the agent" in send({"scheduler_id": "42"})["detail"]
    agent.patch("/batch-jobs/", [{"id": mine.batch_job, "scheduler_id": "41.server"}])
    assert owner.get(f"/batch-jobs/{mine.batch_job}")["scheduler_id"] == "41.server"
    # A site of an earlier release: its agent calls with the owner's token.
    assert owner.patch(f"/batch-jobs/{other.batch_job}", {"scheduler_id": "7"})["scheduler_id"] == "7"

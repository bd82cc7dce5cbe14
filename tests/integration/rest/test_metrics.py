"""/metrics tells an operator how the platform fares, and nobody else anything."""

import json
import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from house.repository import ROOT
from storax_api.metrics import Calls
from storax_core.database import upkeep
from storax_core.log import flow
from storax_core.queries.activity import by_label
from waiting import eventually
from world import ANYBODY, User, World, problem

TOKEN = {"Authorization": "Bearer operators"}
METRIC = re.compile(r"\b(?:storax|process)_\w+")
BY = re.compile(r"\bby \(([^)]*)\)")


@pytest.fixture(autouse=True)
def token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token that the operator has set."""
    monkeypatch.setattr(world.settings, "metrics_token", "operators")


@pytest.fixture(scope="module")
def user(world: World) -> User:
    return world.user()


def read(world: World) -> dict[tuple[str, tuple[str, ...]], float]:
    text = ANYBODY.get(f"{world.url}/metrics", headers=TOKEN).text
    return {
        (s.name, tuple(s.labels.values())): s.value for f in text_string_to_metric_families(text) for s in f.samples
    }


def count(world: World) -> None:
    """Count the log up to its end, as the feeder does now and then."""

    async def run() -> None:
        async with world.db.worker() as conn:
            await flow.count(conn)

    eventually(
        lambda: world.value("SELECT max(position) FROM event_log") <= world.value("SELECT max(position) FROM feed")
    )
    world.run(run())


def test_metrics_count_jobs_calls_queues_and_the_feeds_lag(world: World, user: User) -> None:
    app, before = user.app(), read(world)
    user.jobs(app, 3)
    user.ask("GET", "/jobs/999999")
    after = read(world)
    grown = {key: value - before.get(key, 0) for key, value in after.items()}
    assert grown["storax_jobs", ("PREPROCESSED",)] == 3
    assert grown["storax_requests_total", ("job_create", "201")] == 1
    assert grown["storax_requests_total", ("job_read", "404")] == 1
    assert grown["storax_request_seconds_count", ("job_create",)] == 1
    assert after["storax_up", ("postgres",)] == after["storax_up", ("redis",)] == 1
    eventually(lambda: read(world)["storax_queue_length", ("ready",)] >= 3)
    eventually(lambda: read(world)["storax_feed_lag_positions", ()] == 0)


def test_metrics_name_nobody(world: World, user: User) -> None:
    site = user.site("a-secret-site")
    user.jobs(user.app(site, name="SecretApp"), 1)
    text = ANYBODY.get(f"{world.url}/metrics", headers=TOKEN).text
    assert not [word for word in ("secret", user.name, user.token) if word.lower() in text.lower()]


def test_jobs_are_told_apart_by_site_and_app_up_to_the_limit_and_the_others_summed(
    world: World, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = user.site()
    small, large = user.app(site), user.app(site)
    user.post("/jobs/cancel", {"filter": {"id": [*user.jobs(small, 2), *user.jobs(large, 5)]}})
    count(world)
    monkeypatch.setattr(world.settings, "metrics_labels", 10**6)
    each = read(world)
    assert each["storax_site_jobs", (str(site), "CANCELLED")] == 7
    assert each["storax_app_jobs_total", (str(small), "CANCELLED")] == 2
    assert each["storax_app_jobs_total", (str(large), "CANCELLED")] == 5
    monkeypatch.setattr(world.settings, "metrics_labels", 1)
    few = read(world)
    for name, others in (("storax_site_jobs", {"other"}), ("storax_app_jobs_total", set())):
        assert len({labels[0] for metric, labels in few if metric == name} - others) == 1
    sums = [sum(v for (name, _), v in numbers.items() if name == "storax_site_jobs") for numbers in (each, few)]
    assert sums[0] == sums[1]
    monkeypatch.setattr(world.settings, "metrics_labels", 0)
    none = read(world)
    assert not [key for key in none if key[0] in ("storax_site_jobs", "storax_app_jobs_total")]
    assert none["storax_jobs", ("CANCELLED",)] == few["storax_jobs", ("CANCELLED",)]


def test_no_counter_falls_when_an_app_comes_among_the_largest_or_is_deleted(
    world: World, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.settings, "metrics_labels", 1)

    def counters() -> dict[tuple[str, tuple[str, ...]], float]:
        return {key: value for key, value in read(world).items() if key[0].endswith("_total")}

    def require_no_fall(before: dict[tuple[str, tuple[str, ...]], float]) -> None:
        after = counters()
        assert {key for key, value in before.items() if value > after.get(key, value)} == set()

    first, second = user.app(), user.app()
    jobs = [user.jobs(app, 2) for app in (first, second)]
    count(world)
    ahead = "UPDATE app_flow SET n = n + $2 WHERE app_id = $1"
    most = world.value("SELECT sum(n)::bigint FROM app_flow")
    world.sql(ahead, first, most)
    before = counters()
    assert before["storax_app_jobs_total", (str(first), "PREPROCESSED")] == most + 2
    world.sql(ahead, second, 4 * most)
    require_no_fall(before)
    before = counters()
    assert ("storax_app_jobs_total", (str(first), "PREPROCESSED")) not in before
    user.post("/jobs/delete", {"filter": {"id": [job for part in jobs for job in part]}})
    for app in (first, second):
        user.delete(f"/apps/{app}")
    for _ in range(2):
        world.sql(upkeep.NO_APP)
    assert world.value("SELECT count(*) FROM app_flow WHERE app_id IN ($1, $2)", first, second) == 0
    require_no_fall(before)


def test_counting_again_counts_each_event_once(world: World, user: User) -> None:
    app = user.app()
    user.job(app)
    for _ in range(2):
        count(world)
    assert world.value("SELECT sum(n) FROM app_flow WHERE app_id = $1", app) == 1


def test_the_role_of_the_tasks_forgets_the_counts_of_deleted_apps_alone(world: World, user: User) -> None:
    app, other = user.app(), world.user()
    job, kept = user.job(app)["id"], other.app()
    other.job(kept)
    count(world)
    assert world.value("SELECT sum(n) FROM app_flow WHERE app_id = $1", app) == 1
    user.delete(f"/jobs/{job}")
    user.delete(f"/apps/{app}")
    count(world)

    async def forget() -> None:
        async with world.db.worker() as conn:  # as the tasks: a role from which an App is hidden would forget it
            await upkeep.forget_deleted_apps(conn)

    world.run(forget())
    assert world.value("SELECT count(*) FROM app_flow WHERE app_id = $1", app) == 0
    assert world.value("SELECT sum(n) FROM app_flow WHERE app_id = $1", kept) == 1


def test_the_largest_keep_their_ids_and_the_sum_of_all_stays() -> None:
    rows = [(1, "A", 2), (2, "A", 5), (2, "B", 1), (3, "A", 2), (4, "B", 1)]
    assert by_label.largest(rows, 2) == {
        ("1", "A"): 2,
        ("2", "A"): 5,
        ("2", "B"): 1,
        ("other", "A"): 2,
        ("other", "B"): 1,
    }
    assert by_label.largest(rows, 0) == {("other", "A"): 9, ("other", "B"): 2}


def test_the_board_and_the_documents_have_the_metrics_that_exist_with_their_labels(world: World, user: User) -> None:
    user.jobs(user.app(), 1)
    count(world)
    text = ANYBODY.get(f"{world.url}/metrics", headers=TOKEN).text
    samples = [s for f in text_string_to_metric_families(text) for s in f.samples if not s.name.endswith("_created")]
    labels: dict[str, set[str]] = {}
    for sample in samples:
        labels.setdefault(re.sub("(?<=seconds)_(count|sum)$", "_bucket", sample.name), set()).update(sample.labels)
    panels = json.loads((ROOT / "docker" / "grafana.json").read_text(encoding="utf-8"))["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    used = {name for query in queries for name in METRIC.findall(query)}
    own = {name for name in labels if name.startswith("storax_")}
    assert {name for name in used if name.startswith("storax_")} == own
    assert used <= labels.keys()
    for query in queries:
        (name,) = set(METRIC.findall(query))
        named = {one for part in BY.findall(query) for one in part.replace(" ", "").split(",")}
        named |= set(re.findall(r'(\w+)=~?"', query))
        assert named <= labels[name] | {"instance"}, query
    page = (ROOT / "docs" / "how-to" / "real-servers.md").read_text(encoding="utf-8")
    table = page.partition("## 3. Monitor")[2].partition("## 4.")[0]
    documented = set(re.findall(r"^\| `(storax_\w+)", table, re.MULTILINE))
    assert documented == {name.removesuffix("_bucket") for name in own}


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "127.0.0.1"}, {"Authorization": "Bearer none"}], ids=str)
def test_without_a_token_nobody_gets_them_also_from_this_machine(
    world: World, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy on the same machine that adds no header looks like a caller of this machine."""
    monkeypatch.setattr(world.settings, "metrics_token", "")
    answer = ANYBODY.get(f"{world.url}/metrics", headers=headers)
    assert answer.status_code == 401
    assert "STORAX_METRICS_TOKEN" in problem(answer, "unauthorized")["hint"]


def test_no_other_token_will_do(world: World, user: User) -> None:
    for wrong in ({}, {"Authorization": "Bearer other"}, {"Authorization": f"Bearer {user.token}"}):
        assert ANYBODY.get(f"{world.url}/metrics", headers=wrong).status_code == 401
    for more in ({}, {"X-Forwarded-For": "203.0.113.9"}):
        headers: Any = {**TOKEN, **more}
        assert ANYBODY.get(f"{world.url}/metrics", headers=headers).status_code == 200


def test_paths_that_are_none_do_not_fill_the_memory(world: World) -> None:
    for n in range(5):
        assert ANYBODY.get(f"{world.url}/nothing/{n}").status_code == 404
    assert read(world)["storax_requests_total", ("none", "404")] >= 5
    assert "nothing" not in ANYBODY.get(f"{world.url}/metrics", headers=TOKEN).text


def test_counting_a_call_keeps_its_labels() -> None:
    calls = Calls()
    for _ in range(3):
        calls.count("job_read", 200, 0.001)
    assert calls.registry.get_sample_value("storax_requests_total", {"operation": "job_read", "status": "200"}) == 3

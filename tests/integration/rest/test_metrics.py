"""/metrics tells an operator how the platform fares, and nobody else anything."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from storax_api.metrics import Calls
from waiting import eventually
from world import ANYBODY, User, World, problem

TOKEN = {"Authorization": "Bearer operators"}


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

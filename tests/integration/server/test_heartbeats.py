"""Parts that work beside the calls: who gets nothing done is named by readyz, metrics and the command line."""

import time
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from storax.local import control, doctor
from storax.local.state import Stack
from storax_core.database import heartbeats
from storax_workers import feeder, tasks
from waiting import eventually
from world import ANYBODY, World

TOKEN = {"Authorization": "Bearer operators"}


@pytest.fixture(autouse=True)
def token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token for metrics that the operator has set."""
    monkeypatch.setattr(world.settings, "metrics_token", "operators")


def ready(world: World) -> tuple[int, dict[str, Any]]:
    answer = ANYBODY.get(f"{world.url}/readyz")
    return answer.status_code, answer.json()


def stale_by_metrics(world: World) -> dict[str, float]:
    families = text_string_to_metric_families(ANYBODY.get(f"{world.url}/metrics", headers=TOKEN).text)
    return {s.labels["part"]: s.value for f in families for s in f.samples if s.name == "storax_stale"}


@pytest.fixture
def watched_for_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API has been up long enough to expect heartbeats."""
    monkeypatch.setattr(world.app.state.service, "started", time.monotonic() - 3600)


@pytest.fixture
def swept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts that the queue of tasks starts have run once, whichever test of the file is first."""
    monkeypatch.setenv("STORAX_DATABASE_URL", world.database_url)
    tasks.sweep_sessions()
    tasks.deliver_events()


def test_all_parts_that_work_are_well(world: World, swept: None, watched_for_long: None) -> None:
    eventually(lambda: ready(world)[1]["status"] == "ok")
    _, body = ready(world)
    assert body["stale"] == []
    assert body["heartbeats"].keys() == {*heartbeats.EXPECTED, heartbeats.FOLLOWER}
    assert set(stale_by_metrics(world).values()) == {0}


@pytest.mark.parametrize("part", [heartbeats.FEEDER, heartbeats.RECONCILER])
def test_a_part_that_is_silent_is_named(world: World, swept: None, watched_for_long: None, part: str) -> None:
    eventually(lambda: ready(world)[1]["status"] == "ok")
    world.stop_feeder()
    try:
        world.sql("UPDATE heartbeat SET updated_at = now() - interval '61 seconds' WHERE name = $1", part)
        code, body = ready(world)
        assert (code, body["status"], body["stale"]) == (200, "degraded", [part]), "calls still succeed"
        assert body["heartbeats"][part] > 60
        assert stale_by_metrics(world)[part] == 1
        stack = Stack(url=world.url)
        (age,) = control.stale_parts(stack).values()
        assert control.stale_line(part, age) == f"The {part} works no more: silent for {age:.0f} s"
        assert doctor._ready(code, body).found == f"without a heartbeat: {part}"
    finally:
        world.start_feeder()
    eventually(lambda: ready(world)[1]["status"] == "ok")


def test_a_sweep_that_never_ran_is_named_after_a_while(world: World, swept: None, watched_for_long: None) -> None:
    eventually(lambda: ready(world)[1]["status"] == "ok")  # all other parts were heard
    world.sql("DELETE FROM heartbeat WHERE name = 'sweeper'")
    eventually(lambda: ready(world)[1]["stale"] == ["sweeper"])
    assert control.stale_parts(Stack(url=world.url)) == {"sweeper": None}


def test_a_server_that_has_just_started_gives_the_others_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.app.state.service, "started", time.monotonic())
    world.sql("UPDATE heartbeat SET updated_at = now() - interval '1 day'")
    assert ready(world)[1]["stale"] == []


def test_a_process_whose_feed_stands_still_is_not_ready(world: World, swept: None, watched_for_long: None) -> None:
    eventually(lambda: ready(world)[1]["status"] == "ok")  # all other parts were heard
    broadcast = world.app.state.broadcast
    world.run(broadcast.stop())
    broadcast._succeeded -= 3600
    try:
        code, body = ready(world)
        assert (code, body["status"], body["stale"]) == (503, "degraded", ["follower"])
    finally:
        world.loop.call_soon_threadsafe(broadcast.start)
    eventually(lambda: ready(world)[0] == 200)


def test_a_feeder_whose_steps_fail_gives_no_heartbeat(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs, and leads, and gets nothing done."""

    async def fail(*_: Any) -> bool:
        raise TimeoutError

    eventually(lambda: ready(world)[1]["heartbeats"]["feeder"] is not None)
    monkeypatch.setattr(feeder.Feeder, "_step", fail)
    time.sleep(0.1)
    before = world.value("SELECT updated_at FROM heartbeat WHERE name = 'feeder'")
    time.sleep(feeder.BEAT_SEC + 1)
    assert world.value("SELECT updated_at FROM heartbeat WHERE name = 'feeder'") == before
    monkeypatch.undo()
    eventually(lambda: world.value("SELECT updated_at FROM heartbeat WHERE name = 'feeder'") > before)

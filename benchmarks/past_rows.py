"""Row 22: questions about the past over a log of millions of events: who changed what, and what was it like then."""

import random
from collections.abc import Callable
from typing import Any

from benchmarks.measure import Table, median, p50_ms, progress, timed
from storax import EventLog, Job

CHANGES = 48  # of every job, so that 200,000 jobs have some ten million events
PAGE = 100
PAGE_BAR_MS, ONE_BAR_MS, ALL_BAR_SEC = 20, 5, 3.0


def change_all(number: int) -> None:
    """Change every job some times, in commands of their own, as far as the log has fewer events than it should."""
    for change in range(CHANGES):
        progress(f"past: change {change + 1} of {CHANGES} of {number:,} jobs")
        Job.objects.all().update(priority=change + 1)


def past(table: Table, rng: random.Random) -> None:
    """Row 22, on a store that ``change_all`` has filled."""
    newest, oldest = (EventLog.objects.order_by(order)[0].position for order in ("-position", "position"))
    middle = (newest + oldest) // 2
    ids: list[Any] = [job.id for job in Job.objects.order_by("id")[:1000]]
    command = EventLog.objects.filter(position__gte=middle)[0].command_id
    log = f"of {(newest - oldest) / 1e6:.1f} M events"

    def job() -> Any:
        return rng.choice(ids)

    pages: dict[str, Callable[[], Any]] = {
        "newest": lambda: EventLog.objects.all()[:PAGE],
        "one job": lambda: EventLog.objects.filter(job_id=job())[:PAGE],
        "one actor": lambda: EventLog.objects.filter(actor="user:1")[:PAGE],
        "one command": lambda: EventLog.objects.filter(command_id=command)[:PAGE],
        "one tag": lambda: EventLog.objects.filter(tags={"sample": "s77"})[:PAGE],
        "one type": lambda: EventLog.objects.filter(type="job.created")[:PAGE],
        "a range in the middle": lambda: EventLog.objects.filter(position__gte=middle).order_by("position")[:PAGE],
        "no job's": lambda: EventLog.objects.exclude(entity="job")[:PAGE],
    }
    for name, page in pages.items():
        ms = p50_ms(lambda page=page: list(page()), times=20, warm=3)  # type: ignore[misc]
        table.add(
            "22", f"{PAGE} events {log}, {name}", f"{ms:.1f} ms", f"≤ {PAGE_BAR_MS} ms", reached=ms <= PAGE_BAR_MS
        )
    ms = p50_ms(lambda: Job.objects.as_of(middle).get(id=job()), times=20, warm=3)
    table.add("22", f"one job as of the middle {log}", f"{ms:.1f} ms", f"≤ {ONE_BAR_MS} ms", reached=ms <= ONE_BAR_MS)
    folds: dict[str, Callable[[], Any]] = {
        "count by state": lambda: Job.objects.as_of(middle).counts(),
        "first page": lambda: list(Job.objects.as_of(middle).order_by("id")[:PAGE]),
    }
    for name, ask in folds.items():
        sec = median([timed(ask) for _ in range(3)])
        what = f"all {Job.objects.count():,} jobs as of the middle {log}, {name}"
        table.add("22", what, f"{sec:.2f} s", f"≤ {ALL_BAR_SEC:g} s", reached=sec <= ALL_BAR_SEC)

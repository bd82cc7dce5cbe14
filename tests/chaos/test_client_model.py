"""Whatever a user does with the client, it shows what a plain model in memory shows: lists, counts, values, the past."""

import os
import random
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bench import Bench
from chaos.plain_jobs import PlainJob, PlainJobs
from storax import App, Client, Job
from storax.errors import InvalidInput, StoraxWarning
from world import World

SEED = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
EXAMPLES = int(os.environ.get("STORAX_FUZZ_EXAMPLES", "6"))
STEPS = 25
STATES = ("AWAITING_PARENTS", "PREPROCESSED", "RESTART_READY", "JOB_FINISHED", "FAILED", "CANCELLED")
NUMBERS, TEXTS, TAGS = st.integers(-3, 3), st.sampled_from(["a", "b/c", "b/ä", "%_"]), st.sampled_from(["x", "y"])
TAG_MAPS = st.dictionaries(st.sampled_from(["k", "l"]), TAGS, max_size=2)
PART = st.sampled_from(["a", "b", "b/", "ä", "%", "_", ""])
FILTERS = st.fixed_dictionaries({}, optional={
    "state": st.one_of(st.sampled_from(STATES), st.lists(st.sampled_from(STATES), max_size=3)),
    "priority__gte": NUMBERS, "priority__lt": NUMBERS, "num_nodes": st.integers(1, 3), "num_nodes__gt": st.integers(1, 3),
    "num_nodes__lte": st.integers(1, 3), "workdir__contains": PART, "workdir__startswith": PART, "tags": TAG_MAPS,
})  # fmt: skip
ORDERS = st.sampled_from([("id",), ("-id",), ("priority", "id"), ("-num_nodes", "-id"), ("workdir", "-priority", "id")])
DRAFTS = st.lists(
    st.tuples(NUMBERS, st.integers(1, 3), TEXTS, TAG_MAPS, st.sets(st.integers(0, 30), max_size=2), st.sampled_from(["fail", "run"])),
    min_size=1, max_size=5,
)  # fmt: skip
COLUMNS = ("id", "state", "priority", "num_nodes", "workdir", "tags", "cancel_requested")


class ClientAndModel(RuleBasedStateMachine):
    """A user with one site and an agent, beside the model."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.user = self.world.user()
        self.plain, self.past = PlainJobs(), dict[int, PlainJobs]()
        self.bench = Bench(self.user)
        self.taken: dict[int, dict[str, Any]] = {}
        self.client = Client(self.world.url, self.user.token)
        self.client.__enter__()

    def teardown(self) -> None:
        self.client.__exit__(None, None, None)
        self.client.close()

    @initialize()
    def begin(self) -> None:
        self.app = App.objects.get(id=self.bench.app)

    def pick(self, where: dict[str, Any], excluded: dict[str, Any]) -> tuple[Any, list[PlainJob]]:
        query = Job.objects.filter(**where)
        return query.exclude(**excluded) if excluded else query, self.plain.matching(where, excluded)

    # ---- what a user does ------------------------------------------------------------------------------------------

    @rule(drafts=DRAFTS)
    def create(self, drafts: list[Any]) -> None:
        known = sorted(self.plain.jobs)
        plain, jobs = [], []
        for priority, nodes, workdir, tags, parents, policy in drafts:
            ids = sorted({known[n % len(known)] for n in parents} if known else ())
            values = {"priority": priority, "num_nodes": nodes, "workdir": workdir, "tags": tags}
            jobs.append(Job(app_id=self.app.id, parent_ids=ids, on_parent_failure=policy, max_attempts=1, **values))
            plain.append(PlainJob(id=0, parents=ids, on_parent_failure=policy, **values))
        if any(self.plain.refuses(job) for job in plain):
            with pytest.raises(InvalidInput, match=r"parent job \d+ is (FAILED|CANCELLED)"):
                Job.objects.bulk_create(jobs)
            return
        for job, created in zip(plain, Job.objects.bulk_create(jobs), strict=True):
            job.id = created.id
        self.plain.create(plain)

    @rule(where=FILTERS, excluded=FILTERS, priority=NUMBERS, tags=TAG_MAPS)
    def update(self, where: dict[str, Any], excluded: dict[str, Any], priority: int, tags: dict[str, str]) -> None:
        query, jobs = self.pick(where, excluded)
        assert query.update(priority=priority, tags=tags) == len(jobs)
        for job in jobs:
            job.priority, job.tags = priority, tags

    @rule(where=FILTERS, priority=NUMBERS, workdir=TEXTS)
    def update_each(self, where: dict[str, Any], priority: int, workdir: str) -> None:
        query, jobs = self.pick(where, {})
        loaded = list(query)
        for number, (job, mine) in enumerate(zip(loaded, jobs, strict=True)):
            job.priority = mine.priority = priority + number
            job.workdir = mine.workdir = workdir
        Job.objects.bulk_update(loaded)

    @rule(where=FILTERS, key=st.sampled_from(["k", "l"]), value=TAGS)
    def merge_tags(self, where: dict[str, Any], key: str, value: str) -> None:
        query, jobs = self.pick(where, {})
        assert query.update(tags__merge={key: value}) == len(jobs)
        for job in jobs:
            job.tags = job.tags | {key: value}

    @rule(where=FILTERS, excluded=FILTERS)
    def delete(self, where: dict[str, Any], excluded: dict[str, Any]) -> None:
        query, jobs = self.pick({**where, "num_nodes": 2}, excluded)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoraxWarning)  # leased ones are left, and named
            assert query.delete() == self.plain.delete(jobs)

    @rule(where=FILTERS)
    def cancel(self, where: dict[str, Any]) -> None:
        query, jobs = self.pick({**where, "priority__gte": 0}, {})
        count = query.cancel()
        assert (count.ended, count.requested) == self.plain.cancel(jobs)

    @rule(where=FILTERS, descendants=st.booleans())
    def retry(self, where: dict[str, Any], descendants: bool) -> None:
        query, jobs = self.pick(where, {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoraxWarning)  # those that a parent holds back are left, and named
            count = query.retry(descendants=descendants)
        assert (count.jobs, count.descendants, count.left) == self.plain.retry(jobs, descendants=descendants)

    # ---- what an agent does ----------------------------------------------------------------------------------------

    @rule(number=st.integers(1, 4))
    def take(self, number: int) -> None:
        rows = self.user.acquire(self.bench.session, number, max_nodes_per_job=10)
        assert [row["id"] for row in rows] == [job.id for job in self.plain.take(number)]
        self.taken |= {row["id"]: row for row in rows}

    @precondition(lambda self: self.taken)
    @rule(number=st.integers(0, 30), good=st.booleans())
    def end(self, number: int, good: bool) -> None:
        row = self.taken.pop(sorted(self.taken)[number % len(self.taken)])
        self.user.finish(self.bench.session, row, last="RUN_DONE" if good else "RUN_ERROR")
        self.plain.end(self.plain.jobs[row["id"]], "JOB_FINISHED" if good else "FAILED")

    @rule()
    def give_back(self) -> None:
        self.bench.back()
        self.plain.give_back()
        self.taken.clear()

    # ---- what must be the same -------------------------------------------------------------------------------------

    @invariant()
    def everything_is_the_same(self) -> None:
        rows = Job.objects.order_by("id").values(*COLUMNS)
        assert rows == [{name: getattr(job, name) for name in COLUMNS} for job in self.plain.matching({}, {})]

    @rule(where=FILTERS, excluded=FILTERS, order=ORDERS, start=st.integers(0, 3), length=st.integers(0, 4))
    def read_a_query(
        self, where: dict[str, Any], excluded: dict[str, Any], order: tuple[str, ...], start: int, length: int
    ) -> None:
        query, jobs = self.pick(where, excluded)
        for name in reversed(order):
            jobs = sorted(jobs, key=lambda job: getattr(job, name.lstrip("-")), reverse=name.startswith("-"))
        ids, query = [job.id for job in jobs], query.order_by(*order)
        assert [job.id for job in query.all()] == ids
        assert query.all().count() == len(ids)
        assert query.all().exists() == bool(ids)
        assert query.values_list("id", flat=True) == ids
        assert [job.id for job in query[start : start + length]] == ids[start : start + length]
        ends = [job and job.id for job in (query.all().first(), query.all().last())]
        assert ends == ([ids[0], ids[-1]] if ids else [None, None])
        states = [job.state for job in jobs]
        assert query.counts("state") == {state: states.count(state) for state in set(states)}

    @rule()
    def remember(self) -> None:
        (last,) = self.user.get("/events/", ordering="-position", limit=1)["results"]
        self.past[last["position"]] = self.plain.copy()

    @precondition(lambda self: self.past)
    @rule(number=st.integers(0, 30), where=FILTERS)
    def look_back(self, number: int, where: dict[str, Any]) -> None:
        position = sorted(self.past)[number % len(self.past)]
        rows = Job.objects.as_of(position).filter(**where).order_by("id").values("id", "state", "priority", "tags")
        then = self.past[position].matching(where, {})
        assert rows == [{"id": j.id, "state": j.state, "priority": j.priority, "tags": j.tags} for j in then]


def test_the_client_shows_what_a_plain_model_shows(world: World) -> None:
    print(f"replay with STORAX_SEED={SEED}")
    machine = type("MachineOfThisRun", (ClientAndModel,), {"world": world})
    run_state_machine_as_test(
        seed(SEED)(machine),
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
            phases=[Phase.generate, Phase.shrink] if EXAMPLES > 100 else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip

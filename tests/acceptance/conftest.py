"""One whole platform for all acceptance tests: real Postgres, Valkey, API, feeder, tasks, and a site with its agent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from storax import App, Client, Job, Site
from storax._jobs.sites.presence import absence
from storax.local import LocalStack
from waiting import eventually

_serial = count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """A running stack with the site ``local``, whose agent was heard; unsafe against power loss, for speed."""
    with LocalStack(fsync=False) as running:
        with Client(running.url, running.token):  # before that, whoever submits a job is warned
            eventually(lambda: not absence(Site.objects.get(name="local"), datetime.now(UTC)))
        yield running


@pytest.fixture
def client(stack: LocalStack) -> Iterator[Client]:
    """The models speak to the stack inside a test."""
    with Client(stack.url, stack.token) as scoped:
        yield scoped


@pytest.fixture
def app(client: Client) -> type[App]:
    """An App that greets, known at the site."""

    class Greet(App):
        """Say hello."""

        site = "local"
        command_template = "echo hello {{ name }}"

    Greet.sync()
    return Greet


@pytest.fixture
def idle(client: Client) -> Any:
    """An App at a site without an agent: its jobs stay where they are."""
    from storax import Site

    number = next(_serial)
    site = Site.objects.create(name=f"idle-{number}", path="/nowhere")
    return App.objects.create(site_id=site.id, name=f"Idle{number}", command_template="true")


@pytest.fixture
def jobs(idle: Any) -> list[Any]:
    """Ten stored jobs that do not run."""
    unsaved: list[Any] = [Job(app_id=idle.id, workdir=f"idle/{i}", tags={"n": str(i)}) for i in range(10)]
    return Job.objects.bulk_create(unsaved)

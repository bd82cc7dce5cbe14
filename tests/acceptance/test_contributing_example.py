"""CONTRIBUTING.md tells the truth: its diffs apply, and the field of its first example arrives everywhere by itself."""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from acceptance.worked_examples import apply, examples, python, serving
from house.repository import copy_to
from world import in_database


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the repository."""
    copy_to(tmp_path)
    return tmp_path


@pytest.fixture
def database(servers) -> Iterator[str]:
    """An empty database of this test's own."""
    name = f"storax_example_{os.getpid()}"

    async def say(statement: str) -> None:
        conn = await asyncpg.connect(servers.database_url)
        await conn.execute(f"{statement} DATABASE {name}")
        await conn.close()

    asyncio.run(say("CREATE"))
    yield in_database(servers.database_url, name)
    asyncio.run(say("DROP"))


def test_the_examples_are_there_and_each_has_a_diff():
    assert {name: bool(diffs) for name, diffs in examples().items()} == {
        "add a field to Job": True,
        "add a resource": True,
        "add an event type": True,
        "add a scheduler": True,
        "add a filter": True,
        "add a hook": True,
        "add an aggregation": True,
    }


@pytest.mark.parametrize("name", ["add a resource", "add an event type", "add a scheduler"])
def test_the_diffs_of_an_example_apply_and_the_code_imports(house, name):
    for diff in examples()[name]:
        apply(house, diff)
    code = "import storax_core.resources, storax_core.log.event_types, storax_core.lifecycle.rules, storax_agent.serve"
    python(house, "-c", code)


CHECK = """
import json, sys
from storax.api import Client, EventLog, Job
from storax_api.app import create_app
from storax_core.settings import Settings

schemas = create_app(Settings()).openapi()["paths"]["/api/v1/jobs/{id}"]["get"]["responses"]["200"]["content"]
filters = {p["name"] for p in create_app(Settings()).openapi()["paths"]["/api/v1/jobs/"]["get"]["parameters"]}
with Client(sys.argv[1], sys.argv[2]) as client:
    site = client.request("POST", "/sites/", {"name": "here"})["id"]
    app = client.request("POST", "/apps/", {"site_id": site, "name": "A", "command_template": "true"})["id"]
    job = Job(app_id=app, workdir="a", container="debian:12")
    Job.objects.bulk_create([job, Job(app_id=app, workdir="b")])
    job.container = "debian:13"
    job.save()
    print(json.dumps({
        "openapi": schemas["application/json"]["schema"]["properties"]["container"]["description"],
        "filters": sorted(f for f in filters if f.startswith("container")),
        "rest": client.request("GET", f"/jobs/{job.id}")["container"],
        "client": Job.objects.get(container__startswith="debian").container,
        "null": Job.objects.filter(container=None).count(),
        "events": [e.data.get("container") for e in EventLog.objects.filter(job_id=job.id).order_by("position")],
        "doc": "container: Image it runs in." in Job.__init__.__doc__,
    }))
"""


@pytest.mark.slow("generators, migrations and a server of a copy of the repository")
def test_a_line_a_version_and_a_migration_make_a_field(house, database, redis_url):
    (diff,) = examples()["add a field to Job"]
    changed = [line for line in diff.splitlines() if re.match(r"[+-](?![+-]{2} )", line)]
    assert len(changed) == 3, "the example promises one line, and one that changes a schema version"
    apply(house, diff)

    draft = f"import draft; draft.draft('job container', {database!r})"
    python(house, "-c", f"import sys; sys.path.append('alembic'); {draft}")
    (drafted,) = (house / "alembic" / "versions").glob("*_job_container.py")
    migration = drafted.read_text()
    assert re.findall(r"op\.(\w+)\(", migration) == ["add_column", "drop_column"]
    assert 'op.add_column("job", sa.Column("container", sa.Text(), nullable=True))' in migration

    declaration = house / "core/storax_core/resources/job.py"
    text = declaration.read_text()
    declaration.write_text(text.replace('{"created": 3}', '{"created": 2}'))
    with pytest.raises(AssertionError, match="field container is new"):
        python(house, "-m", "tools.codegen")
    declaration.write_text(text)
    assert python(house, "-m", "tools.codegen").split() == ["client/storax/models/job.py:", "written"]
    pages = python(house, "-m", "tools.reference.pages").split()
    assert pages[::2] == ["docs/reference/events.md:", "docs/reference/resources.md:"]

    url = {"STORAX_DATABASE_URL": database, "STORAX_REDIS_URL": redis_url}
    python(house, "-m", "storax_core.admin", "migrate", **url)
    token = json.loads(python(house, "-m", "storax_core.admin", "bootstrap", "--user", "ann", **url))["token"]
    with serving(house, **url) as address:
        seen: dict[str, Any] = json.loads(python(house, "-c", CHECK, address, token, **url))
    assert seen == {
        "openapi": "Image it runs in.",
        "filters": ["container", "container__contains", "container__isnull", "container__ne", "container__startswith"],
        "rest": "debian:13",
        "client": "debian:13",
        "null": 1,
        "events": ["debian:12", "debian:13"],
        "doc": True,
    }
    assert "0 differences" in python(house, "-m", "storax_core.admin", "verify", **url).splitlines()[-1]

"""CONTRIBUTING.md's example of a hook: two lines of one file, and server, client and agent know it."""

import asyncio
import json
import os
import re
from collections.abc import Iterator

import asyncpg
import pytest

from acceptance.worked_examples import apply, examples, python, serving
from house.repository import ROOT, copy_to
from world import in_database

CHECK = """
import json, sys
from storax.api import App, Client, EventLog, Job, Session, Site
from storax_agent.prepare.functions.sources import method_of
from storax_agent.prepare.functions.call_outcomes import FOLLOWS

class Plain(App):
    site = "here"
    command_template = "true"

class Archived(Plain):
    def archive(self):
        print("keep the outputs")

with Client(sys.argv[1], sys.argv[2]) as client:
    site = Site.objects.create(name="here")
    Archived.sync()
    Plain.sync()
    plain, archived = (Job.objects.create(app=app, workdir="w") for app in (Plain, Archived))
    Job.objects.filter(id=[plain.id, archived.id]).update(state="STAGED_OUT", force=True)
    resting = [Job.objects.get(id=job.id).state for job in (plain, archived)]
    session = Session.objects.create(site_id=site.id)
    leased = session.acquire_jobs(max_num_jobs=10, states=["STAGED_OUT"])
    method = method_of({"state": leased[0].state}, {"command_template": "true"})
    move = {"to": FOLLOWS[method], "at": "2026-01-01T00:00:00Z", "data": {"hook": method}}
    report = {"id": archived.id, "lease_epoch": leased[0].lease_epoch, "moves": [move]}
    client.request("POST", f"/sessions/{session.id}/report", {"reports": [report]})
    print(json.dumps({
        "declared": [App.objects.get(name=name).hooks for name in ("Plain", "Archived")],
        "resting": resting,
        "leased": [job.id == archived.id for job in leased],
        "method": method,
        "after": Job.objects.get(id=archived.id).state,
        "events": [e.type for e in EventLog.objects.filter(job_id=archived.id).order_by("position")][-2:],
    }))
"""


@pytest.fixture
def database(servers) -> Iterator[str]:
    """An empty database of this test's own."""
    name = f"storax_hook_{os.getpid()}"

    async def run(statement: str) -> None:
        conn = await asyncpg.connect(servers.database_url)
        await conn.execute(f"{statement} DATABASE {name}")
        await conn.close()

    asyncio.run(run("CREATE"))
    yield in_database(servers.database_url, name)
    asyncio.run(run("DROP"))


async def index_of(database: str, name: str) -> str:
    conn = await asyncpg.connect(database)
    try:
        return str(await conn.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = $1", name))
    finally:
        await conn.close()


@pytest.mark.slow("generators, migrations and a server of a copy of the repository")
def test_one_file_makes_a_hook(tmp_path, database, redis_url):
    copy_to(tmp_path)
    (diff,) = examples()["add a hook"]
    assert len(re.findall(r"^--- ", diff, re.MULTILINE)) == 1, "the example promises one file"
    apply(tmp_path, diff)
    python(tmp_path, "-c", f"import sys; sys.path.append('alembic'); import draft; draft.draft('hook', {database!r})")
    (drafted,) = (tmp_path / "alembic" / "versions").glob("*_hook.py")
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Example: add a hook")[1]
    upgrade = re.findall(r"```python\n(from alembic import op.*?)```", section, re.DOTALL)[0]
    head, drafted_upgrade, tail = re.split(
        r"(def upgrade.*?)(?=\n\n\ndef downgrade)", drafted.read_text(), flags=re.DOTALL
    )
    assert "    pass\n" in drafted_upgrade, "make migration compares conditions of indexes: shorten the example"
    drafted.write_text(head + upgrade + tail)

    written = python(tmp_path, "-m", "tools.codegen")
    assert "client/storax/models/job_rules.py: written" in written
    python(tmp_path, "-m", "tools.reference.pages")
    assert "| `STAGED_OUT` | hook | `STAGED_OUT` |" in (tmp_path / "docs/reference/states.md").read_text()

    url = {"STORAX_DATABASE_URL": database, "STORAX_REDIS_URL": redis_url}
    python(tmp_path, "-m", "storax_core.admin", "migrate", **url)
    assert "STAGED_OUT" in asyncio.run(index_of(database, "job_state_ready"))
    token = json.loads(python(tmp_path, "-m", "storax_core.admin", "bootstrap", "--user", "ann", **url))["token"]
    with serving(tmp_path, **url) as address:
        script = tmp_path / "check.py"
        script.write_text(CHECK)
        seen = json.loads(python(tmp_path, str(script), address, token, **url))
    assert seen == {
        "declared": [[], ["archive"]],
        "resting": ["JOB_FINISHED", "STAGED_OUT"],
        "leased": [True],
        "method": "archive",
        "after": "JOB_FINISHED",
        "events": ["job.hook_ended", "job.state_changed"],
    }

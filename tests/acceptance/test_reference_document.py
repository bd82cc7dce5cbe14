"""The reference document's Python blocks run as they stand, but for the import line."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from needs import needs
from storax import App, Client, Job
from waiting import eventually

DOCUMENT = "balsam-python-api.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def _names(app_id: int) -> dict[str, Any]:
    """What the document's prose says was made before its blocks: stored jobs, some changed, some failed."""
    stored: list[Any] = Job.objects.bulk_create([Job(app_id=app_id, workdir=f"doc/{i}") for i in range(6)])
    Job.objects.filter(id=[j.id for j in stored[:4]]).update(state="FAILED")
    for job in stored[4:]:
        job.num_nodes = 2
    first = Job.objects.get(id=stored[0].id)
    specs = [{"app_id": app_id, "workdir": f"spec/{i}"} for i in range(3)]
    return {"job": first, "job_specs": specs, "modified_jobs": stored[4:], "datetime": datetime}


@pytest.fixture
def running(client: Client) -> Iterator[Any]:
    """A job that runs meanwhile: the document takes the first of those that do."""

    class Doze(App):
        site = "local"
        command_template = "sleep 600"

    Doze.sync()
    job: Any = Doze.submit("doze/1")
    eventually(lambda: (job.refresh_from_db(), job.state == "RUNNING")[1])
    yield job
    job.cancel()
    job.wait(timeout=60)


@needs("documents")
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # the document's own call
def test_every_block_of_the_reference_document_runs(client: Client, idle: App, running: Any, documents: Path) -> None:
    blocks = BLOCK.findall((documents / DOCUMENT).read_text())
    assert len(blocks) >= 18
    assert running.state == "RUNNING"
    namespace: dict[str, Any] = _names(int(idle.id or 0))
    for number, block in enumerate(blocks):
        source = block.replace("from balsam.api import", "from storax.api import")
        for call in ("Job", "Job.objects.create"):  # the document's dots stand for any fields
            source = source.replace(f"{call}(...)", f"{call}(app_id={idle.id}, workdir='doc/dots')")
        exec(compile(source, f"block {number}", "exec"), namespace)

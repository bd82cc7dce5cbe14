"""CONTRIBUTING.md's example of a filter: one entry in one file, and every text field of every resource has it."""

import json

import pytest

from acceptance.worked_examples import apply, examples, python, serving
from house.repository import copy_to

CHECK = """
import json, sys
from storax.api import Client, Job, Site
from storax.errors import StoraxError
from storax_api.app import create_app
from storax_core.settings import Settings

parameters = create_app(Settings()).openapi()["paths"]["/api/v1/jobs/"]["get"]["parameters"]
with Client(sys.argv[1], sys.argv[2]) as client:
    site = client.request("POST", "/sites/", {"name": "here%"})["id"]
    app = client.request("POST", "/apps/", {"site_id": site, "name": "A", "command_template": "true"})["id"]
    Job.objects.bulk_create([Job(app_id=app, workdir=name) for name in ("a/1", "b/1", "b/2")])
    try:
        Job.objects.filter(workdir__endswit="1")
    except StoraxError as error:
        hint = str(error)
    print(json.dumps({
        "openapi": [p["description"] for p in parameters if p["name"] == "workdir__endswith"],
        "rest": client.request("GET", "/jobs/?workdir__endswith=/1&count=true")["count"],
        "client": sorted(job.workdir for job in Job.objects.filter(workdir__endswith="/1")),
        "exclude": [job.workdir for job in Job.objects.exclude(workdir__endswith="/1")],
        "no pattern": [Site.objects.filter(name__endswith=end).count() for end in ("%", "_", "here%", "")],
        "misspelt": "workdir__endswith" in hint,
        "doc": "workdir__endswith: workdir ends with this text." in Job.objects.filter.__doc__,
    }))
"""


@pytest.mark.slow("generators and a server of a copy of the repository")
def test_one_entry_makes_a_filter_of_every_text_field(tmp_path, database_url, redis_url):
    copy_to(tmp_path)
    (diff,) = examples()["add a filter"]
    assert diff.count("\n--- ") + diff.startswith("--- ") == 1, "the example promises one file"
    apply(tmp_path, diff)
    written = python(tmp_path, "-m", "tools.codegen").splitlines()
    assert {"client/storax/models/job.py: written", "client/storax/models/site.py: written"} <= set(written)
    assert "docs/reference/resources.md: written" in python(tmp_path, "-m", "tools.reference.pages")
    url = {"STORAX_DATABASE_URL": database_url, "STORAX_REDIS_URL": redis_url}
    token = json.loads(python(tmp_path, "-m", "storax_core.admin", "bootstrap", "--user", "ann", **url))["token"]
    with serving(tmp_path, **url) as address:
        seen = json.loads(python(tmp_path, "-c", CHECK, address, token, **url))
    assert seen == {
        "openapi": ["workdir ends with this text."],
        "rest": 2,
        "client": ["a/1", "b/1"],
        "exclude": ["b/2"],
        "no pattern": [1, 0, 1, 1],
        "misspelt": True,
        "doc": True,
    }

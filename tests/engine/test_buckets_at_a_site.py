"""A large feature step as jobs at a site: one for each bucket, and the same pipeline as made at once."""

import os
import sys

import numpy as np
import pytest

import storax
from fakes.site import RunningSite
from fakes.star_schema import pipeline, star
from storax import App, Job, errors
from waiting import eventually

SITE = "buckets"


@pytest.fixture(scope="module")
def site(tmp_path_factory, user):
    running = RunningSite(tmp_path_factory.mktemp("site"), user.world.url, token=user.token, name=SITE)
    yield running.start()
    running.close()


@pytest.fixture
def schema(project, site):
    return star()


def runs(home, project):
    return list((home.folder.projects / project / "orders").iterdir())


def jobs(project, **more):
    return list(Job.objects.filter(tags={"project": project, **more}).order_by("id"))


@pytest.mark.slow("some ten jobs, each a Python with the numeric libraries")
def test_a_fit_and_a_transform_over_buckets_are_those_of_the_engine_itself(home, project, schema):
    here, there = pipeline(schema, name="here").fit(schema.train), pipeline(schema, name="there")
    there.fit(schema.train, site=SITE, buckets=2, job={"tags": {"mine": "yes"}})
    assert np.array_equal(here.predict(schema.test), there.predict(schema.test))
    assert there.transform(schema.test, site=SITE, buckets=2).equals(here.transform(schema.test))
    assert there.transform(schema.test, site=SITE, keep=["c"]).equals(here.transform(schema.test, keep=["c"]))
    steps = jobs(project, pipeline="there", mine="yes")
    assert [job.tags["work"] for job in steps] == ["prepare", "bucket", "bucket", "fit"]
    assert [job.parent_ids for job in steps[1:3]] == [[steps[0].id]] * 2
    assert sorted(steps[3].parent_ids) == [job.id for job in steps[:3]]
    assert {job.state for job in steps} == {"JOB_FINISHED"}
    assert runs(home, project) == []


def test_a_fit_at_a_site_warns_of_keys_that_match_nothing(project, schema):
    keys = storax.data.DataFrame("orders").refresh()
    keys.add(keys["k"] + 1000, "k", role="join_key")
    pipe = pipeline(schema, name="p")
    with pytest.warns(errors.StoraxWarning, match="finds nothing"):
        pipe.submit(schema.train, site=SITE).wait()
    (job,) = jobs(project, work="fit")
    assert job.return_value["warnings"] == pipe.warnings


@pytest.mark.slow("three jobs at a site import what they learn with, and one of them twice")
def test_a_bucket_that_fails_is_named_and_can_be_run_again_alone(home, project, schema, site):
    if not App.objects.filter(name="storax_pipeline", site_id=site.site_id).exists():
        pipeline(schema).fit(schema.train, site=SITE)
    app = App.objects.get(name="storax_pipeline", site_id=site.site_id)
    flag, shim = site.folder.path / "broken", site.folder.path / "shim"
    flag.write_text("")
    shim.write_text(
        f'#!/bin/sh\ncase "$*" in *bucket-0001) [ -e {flag} ] && {{ echo "no luck" >&2; exit 3; }};; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    shim.chmod(0o700)
    app.python_exe = str(shim)
    app.save()
    try:
        with pytest.raises(errors.JobFailed, match="exit code 3: no luck") as caught:
            pipeline(schema, name="again").fit(schema.train, site=SITE, buckets=2)
        _, first, second, last = jobs(project, pipeline="again")
        assert f"storax job explain {second.id}" in caught.value.hint
        assert (second.state, last.state) == ("FAILED", "FAILED")
        eventually(lambda: Job.objects.get(id=first.id).state == "JOB_FINISHED")
        flag.unlink()
        Job.objects.filter(id=second.id).update(state="RESTART_READY")
        eventually(lambda: storax.pipeline.exists("again"))
        assert Job.objects.get(id=last.id).state == "JOB_FINISHED", "the last job did not come back with its bucket"
        assert Job.objects.get(id=first.id).attempt == 1, "a bucket that was done was done again"
        eventually(lambda: runs(home, project) == [])
    finally:
        app.python_exe = None
        app.save()


def test_what_the_data_make_fail_is_the_reason_wherever_it_is_found(home, project, schema):
    storax.data.DataFrame("people").refresh().add([None] * 300, "y", role="target")
    with pytest.raises(errors.InvalidInput, match="y"):
        pipeline(schema).fit(schema["full"], site=SITE, buckets=2)
    prepare, *others = jobs(project)
    assert (prepare.state, prepare.return_code) == ("FAILED", os.EX_DATAERR)
    assert {job.state for job in others} == {"FAILED"}
    assert {job.attempt for job in others} == {0}, "a bucket was worked on though nothing was prepared"
    assert storax.pipeline.list_pipelines() == []


def test_cancelling_the_fit_cancels_every_step(home, project, schema, user):
    held = "held-buckets"
    user.site(held)  # nobody works there
    submission = pipeline(schema).submit(schema.train, site=held, buckets=3)
    assert [job.state for job in jobs(project)][1:] == ["AWAITING_PARENTS"] * 4
    assert submission.cancel()
    for _ in range(2):  # the second time, the engine knows of no such work any more
        with pytest.raises(errors.JobCancelled, match="cancelled"):
            submission.wait()
    eventually(lambda: {job.state for job in jobs(project)} == {"CANCELLED"})
    assert runs(home, project) == []


def test_a_wrong_number_of_buckets_is_said_at_once(home, project, schema):
    for wrong in (0, 501):
        with pytest.raises(errors.InvalidInput, match=f"buckets is {wrong}"):
            pipeline(schema).fit(schema.train, site=SITE, buckets=wrong)
    with pytest.raises(errors.InvalidInput, match="site="):
        pipeline(schema).fit(schema.train, buckets=2)
    assert jobs(project) == []
    assert runs(home, project) == []

"""Hooks as the server sees them: states that are rested in, verdicts, jobs that a hook creates."""

import pytest

from world import report


def hooked(user, site, *hooks, **fields):
    return user.app(site, hooks=list(hooks), source_code="class A: ...", **fields)


def test_a_job_is_taken_once_for_each_of_its_stages(world):
    user = world.user()
    site = user.site()
    session = user.session(site)
    job = user.job(hooked(user, site, "preprocess", "postprocess"))
    for first, reported, then in (
        ("STAGED_IN", ["PREPROCESSED"], "PREPROCESSED"),
        ("PREPROCESSED", ["RUNNING", "RUN_DONE"], "RUN_DONE"),
        ("RUN_DONE", ["POSTPROCESSED"], "JOB_FINISHED"),
    ):
        (taken,) = user.acquire(session)
        assert taken["state"] == first
        assert user.acquire(session) == []
        assert not user.report(session, taken, *reported)["refused"]
        assert user.states(job["id"]) == [then]


@pytest.mark.parametrize("ask", [{}, {"max_nodes_per_job": 9}], ids=str)
def test_without_states_only_what_may_run_is_leased(world, ask):
    user = world.user()
    site = user.site()
    session = user.session(site)
    before_a_hook, plain = user.job(hooked(user, site, "preprocess")), user.job(user.app(site))

    def take(**more):
        return [
            job["id"] for job in user.post(f"/sessions/{session}/acquire", {"max_num_jobs": 9, **ask, **more})["jobs"]
        ]

    assert take() == [plain["id"]]
    assert take() == []
    assert take(states=None) == [before_a_hook["id"]]


def test_the_jobs_of_a_hook_are_created_once_however_often_it_is_reported(world):
    user = world.user()
    site = user.site()
    session = user.session(site)
    child = user.app(site, name="Child")
    job = user.job(hooked(user, site, "postprocess"))
    user.finish(session, *user.acquire(session))
    (taken,) = user.acquire(session)
    row = report(taken, "POSTPROCESSED") | {"jobs": [{"app_name": "Child", "workdir": "c"}]}
    for _ in range(2):
        assert not user.post(f"/sessions/{session}/report", {"reports": [row]})["refused"]
    assert user.get("/jobs/", app_id=child)["count"] in (1, None)
    assert len(user.get("/jobs/", app_id=child)["results"]) == 1
    assert user.states(job["id"]) == ["JOB_FINISHED"]


def test_a_hook_of_a_cancelled_job_creates_no_jobs_and_its_event_says_so(world):
    user = world.user()
    site = user.site()
    session = user.session(site)
    child = user.app(site, name="Child")
    job = user.job(hooked(user, site, "postprocess"))["id"]
    user.finish(session, *user.acquire(session))
    (taken,) = user.acquire(session)
    assert user.post("/jobs/cancel", {"filter": {"id": job}}) == {"cancelled": 0, "requested": 1}
    row = report(taken, "POSTPROCESSED") | {"jobs": [{"app_name": "Child", "workdir": "c"}]}
    assert not user.post(f"/sessions/{session}/report", {"reports": [row]})["refused"]
    assert user.states(job) == ["CANCELLED"]
    assert user.get("/jobs/", app_id=child)["results"] == []
    assert user.events(job_id=job, to_state="POSTPROCESSED")[0]["data"]["jobs_not_created"] == 1
    (end,) = user.events(job_id=job, to_state="CANCELLED")
    assert end["data"]["message"] == "cancelled; its run had ended well, and its result is kept"


@pytest.mark.parametrize("how", ["illegal", "stale", "elsewhere", "no end"])
def test_a_refused_report_creates_no_jobs_and_changes_nothing(world, how):
    user = world.user()
    site, other = user.site(), user.site()
    session, far = user.session(site), user.session(other)
    for place in (site, other):
        user.app(place, name="Child")
    job = user.job(hooked(user, site, "postprocess"))["id"]
    user.finish(session, *user.acquire(session))
    (taken,) = user.acquire(session)
    row = report(taken, *{"illegal": ["RUN_DONE", "POSTPROCESSED"], "no end": ["RUNNING"]}.get(how, ["POSTPROCESSED"]))
    row |= {"jobs": [{"app_name": "Child", "workdir": "c"}]} | ({"lease_epoch": 9} if how == "stale" else {})
    before, count = user.get(f"/jobs/{job}"), len(user.get("/jobs/")["results"])
    answer = user.post(f"/sessions/{far if how == 'elsewhere' else session}/report", {"reports": [row]})
    code = {"stale": "stale_epoch", "elsewhere": "not_found"}.get(how, "illegal_move")
    assert (answer["accepted"], [(one["id"], one["code"]) for one in answer["refused"]]) == ([], [(job, code)])
    assert len(user.get("/jobs/")["results"]) == count
    assert user.events(job_id=job)[-1]["type"] == "job.report_refused"
    noted = {"version", "last_update"}  # of the event
    assert {k: v for k, v in user.get(f"/jobs/{job}").items() if k not in noted} == {
        k: v for k, v in before.items() if k not in noted
    }
    good = report(taken, "POSTPROCESSED") | {"jobs": row["jobs"]}
    assert not user.post(f"/sessions/{session}/report", {"reports": [good]})["refused"]
    assert len(user.get("/jobs/")["results"]) == count + 1


def test_jobs_that_cannot_be_fail_their_maker_alone(world):
    user = world.user()
    site = user.site()
    session = user.session(site)
    makers = user.jobs(hooked(user, site, "postprocess"), 3)
    user.finish(session, *user.acquire(session, 3))
    taken = user.acquire(session, 3)
    rows = [report(one, "POSTPROCESSED") for one in taken]
    rows[0]["jobs"] = [{"app_name": "NoSuch", "workdir": "c"}]
    rows[1]["jobs"] = [{"app_name": "NoSuch"}]
    assert not user.post(f"/sessions/{session}/report", {"reports": rows})["refused"]
    assert user.states(*makers) == ["FAILED", "FAILED", "JOB_FINISHED"]
    reasons = [e["data"]["message"] for e in user.events(to_state="FAILED")]
    assert all("its hook's jobs were refused" in reason for reason in reasons)


def test_unknown_hooks_are_refused(world):
    user = world.user()
    body = {"site_id": user.site(), "name": "A", "command_template": "true", "hooks": ["preproces"]}
    assert "hooks.0" in user.refused("POST", "/apps/", body, status=422, code="invalid")["detail"]

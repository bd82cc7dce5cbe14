"""Cancel, retry and delete from the page: a count first, then one effect, whatever is sent twice."""

import pytest

from browsing import Browser
from world import User


@pytest.fixture
def jobs(user: User) -> list[int]:
    """Six jobs: two failed, one of them above a third one, and three that wait."""
    site = user.site()
    app = user.app(site)
    failing = user.jobs(app, 2)
    child = user.job(app, parent_ids=[failing[0]])["id"]
    session = user.session(site)
    for job in user.acquire(session, 2):
        user.report(session, job, "RUNNING", "RUN_ERROR", data={"message": "exit code 1"}, return_code=1)
    user.delete(f"/sessions/{session}")
    return [*failing, child, *user.jobs(app, 3)]


def test_the_count_comes_first_and_nothing_happens_before_it_is_confirmed(
    browser: Browser, user: User, jobs: list[int]
) -> None:
    page = browser.open(f"jobs?id={jobs[3]}&id={jobs[4]}&id={jobs[0]}")
    links = page.links()
    preview = browser.open(links["Cancel…"])
    assert "Cancel 2 jobs?" in preview.text
    assert "1 of them ended already" in preview.text
    assert user.states(*jobs[3:5]) == ["PREPROCESSED"] * 2
    done = browser.send(preview.form("apply"))
    assert "2 jobs cancelled." in done.text
    assert user.states(*jobs[3:5], jobs[5]) == ["CANCELLED"] * 2 + ["PREPROCESSED"]


def test_a_retry_brings_descendants_back_and_says_so_before(browser: Browser, user: User, jobs: list[int]) -> None:
    preview = browser.open(f"jobs/confirm?action=retry&id={jobs[0]}&back=jobs/{jobs[0]}")
    assert "Retry 1 job?" in preview.text
    assert "1 more" in preview.text
    done = browser.send(preview.form("apply"), descendants="true")
    assert done.url.partition("?")[0].endswith(f"/ui/jobs/{jobs[0]}")
    assert "1 job will run again, and 1 job below" in done.text
    assert user.states(jobs[0], jobs[2]) == ["RESTART_READY", "AWAITING_PARENTS"]


def test_a_deletion_that_is_sent_twice_spares_what_came_in_between(
    browser: Browser, user: User, jobs: list[int]
) -> None:
    app = user.get(f"/jobs/{jobs[5]}")["app_id"]
    form = browser.open(f"jobs/confirm?action=delete&app_id={app}&workdir=w/0").form("apply")
    first = browser.send(form)
    assert "deleted." in first.text
    (later,) = user.jobs(app, 1)  # its workdir is w/0 as well
    again = browser.send(form)
    assert again.status == 200
    assert user.states(later) == ["PREPROCESSED"]


def test_marking_no_job_is_not_marking_all(browser: Browser, user: User, jobs: list[int]) -> None:
    page = browser.open("jobs")
    refused = browser.send(page.form("jobs/confirm"), action="delete")
    assert refused.status == 422
    assert "no job is selected" in refused.text
    form = browser.open(f"jobs/confirm?action=delete&id={jobs[5]}").form("apply")
    refused = browser.send(form, without="where.id")
    assert refused.status == 422
    assert "the form names no jobs" in refused.text
    assert user.states(jobs[5]) == ["PREPROCESSED"]


def test_a_form_without_its_token_changes_nothing(browser: Browser, user: User, jobs: list[int]) -> None:
    form = browser.open(f"jobs/confirm?action=cancel&id={jobs[5]}").form("apply")
    assert browser.send(form, without="csrf").status == 403
    assert user.states(jobs[5]) == ["PREPROCESSED"]


@pytest.mark.parametrize(
    ("name", "value"), [("where.state", "NOT"), ("where.nothing", "1"), ("action", "explode"), ("key", "x")]
)
def test_a_form_made_by_hand_is_refused_with_the_reason(
    browser: Browser, user: User, jobs: list[int], name: str, value: str
) -> None:
    form = browser.open(f"jobs/confirm?action=cancel&id={jobs[5]}").form("apply")
    refused = browser.send(form, **{name: value})
    assert refused.status == 422
    assert refused.all("div", role="alert")[0].text
    assert user.states(jobs[5]) == ["PREPROCESSED"]


def test_a_change_names_the_number_of_jobs_first_and_leaves_what_is_blank(
    browser: Browser, user: User, jobs: list[int]
) -> None:
    user.patch("/jobs/", {"filter": {"id": jobs[3:]}, "patch": {"tags": {"keep": "1", "drop": "2"}, "num_nodes": 3}})
    preview = browser.open(f"jobs/confirm?action=change&id={jobs[3]}&id={jobs[4]}")
    assert "Change 2 jobs?" in preview.text
    assert {user.get(f"/jobs/{job}")["priority"] for job in jobs[3:]} == {0}
    sent = {"set.priority": "7", "tags.add": "a:b:c\r\n\r\n d : e", "tags.remove": "drop"}
    assert "2 jobs changed." in browser.send(preview.form("apply"), **sent).text
    for job in jobs[3:5]:
        row = user.get(f"/jobs/{job}")
        assert (row["priority"], row["num_nodes"]) == (7, 3)
        assert row["tags"] == {"keep": "1", "a": "b:c", "d": "e"}
    assert user.get(f"/jobs/{jobs[5]}")["priority"] == 0


def test_the_form_of_one_job_has_its_values_and_the_states_that_may_follow(
    browser: Browser, user: User, jobs: list[int]
) -> None:
    page = browser.open(browser.open(f"jobs/{jobs[0]}").links()["Change…"])
    states = [e.text for e in page.all("option") if e.ancestor("select").attributes["name"] == "set.state"]  # type: ignore[union-attr]
    assert states[0] == "now: FAILED"
    assert "RESTART_READY" in states
    assert "RUNNING" not in states
    done = browser.send(page.form("apply"), **{"set.state": "RESTART_READY"})
    assert "1 job changed, and 1 job brought back below." in done.text
    assert user.states(jobs[0], jobs[2]) == ["RESTART_READY", "AWAITING_PARENTS"]


@pytest.mark.parametrize(
    "sent",
    [
        {}, {"set.priority": "high"}, {"set.priority": "1e9"}, {"set.state": "RUNNING"}, {"set.nothing": "1"},
        {"set.id": "1"}, {"set.gpus_per_rank": "nan"}, {"tags.add": "no colon"}, {"parameters.merge": "[1"},
        {"parameters.merge": "[]"}, {"set.retry_on_timeout": "perhaps"}, {"set.workdir": "../up"},
    ],
)  # fmt: skip
def test_a_change_that_is_refused_changes_nothing_and_says_why(
    browser: Browser, user: User, jobs: list[int], sent: dict[str, str]
) -> None:
    before = [user.get(f"/jobs/{job}")["version"] for job in jobs[3:]]
    form = browser.open(f"jobs/confirm?action=change&id={jobs[3]}&id={jobs[4]}").form("apply")
    refused = browser.send(form, **sent)
    assert refused.status in (409, 422)
    assert refused.all("div", role="alert")[0].text
    assert [user.get(f"/jobs/{job}")["version"] for job in jobs[3:]] == before
